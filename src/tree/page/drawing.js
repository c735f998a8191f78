// ---- Drawing: from numbers to pixels ----

/** The most pixels of a picture, and the most along one axis, for a canvas has limits. */
const MOST_PIXELS = 1e6;
const MOST_ALONG = 4096;
const MOST_PLOTTED = 65536;

// Colours at equal distances, from the lowest value to the highest.
const COLOUR_MAPS = {
	grey: ['000000', 'ffffff'],
	'grey, inverted': ['ffffff', '000000'],
	viridis: ['440154', '482878', '3e4989', '31688e', '26828e', '1f9e89', '35b779', '6ece58', 'b5de2b', 'fde725'],
	'blue-red': ['3b4cc0', '6788ee', '9abbff', 'c9d7f0', 'edd1c2', 'f7a889', 'e26952', 'b40426'],
};

/** 256 colours of a map, as red, green and blue one after the other. */
function colourTable(name) {
	const stops = COLOUR_MAPS[name].map(hex => [0, 2, 4].map(k => parseInt(hex.slice(k, k + 2), 16)));
	const table = new Uint8Array(3 * 256);
	for (let k = 0; k < 256; k++) {
		const position = k / 255 * (stops.length - 1);
		const below = Math.min(Math.floor(position), stops.length - 2);
		for (let c = 0; c < 3; c++) {
			const [from, to] = [stops[below][c], stops[below + 1][c]];
			table[3 * k + c] = Math.round(from + (to - from) * (position - below));
		}
	}
	return table;
}

/**
 * Steps along two axes, so that a picture has at most MOST_PIXELS. Both axes get the same step,
 * unless one of them is so short that little would be left of it.
 */
function pictureSteps(rows, cols) {
	const common = Math.ceil(Math.sqrt(Math.max(1, rows * cols / MOST_PIXELS)));
	const [short, long] = rows < cols ? [rows, cols] : [cols, rows];
	const shortStep = Math.max(1, Math.min(common, Math.ceil(short / 512)));
	const most = Math.min(MOST_ALONG, Math.floor(MOST_PIXELS / Math.ceil(short / shortStep)));
	const longStep = Math.max(shortStep, Math.ceil(long / most));
	return rows < cols ? [shortStep, longStep] : [longStep, shortStep];
}

/** Values of which percentiles are taken; of larger pictures, these are equally spaced pixels. */
const MOST_SORTED = 2 ** 17;

/**
 * The values at two percentiles, as NumPy interpolates them. Where both are the same value, the
 * smallest and the largest of all, so that a few other pixels can be seen.
 */
function percentiles(numbers, low, high) {
	const stride = Math.ceil(numbers.length / MOST_SORTED);
	const sorted = numbers.filter((value, k) => k % stride === 0 && Number.isFinite(value)).sort();
	if (sorted.length === 0) return [0, 1];
	const at = percent => {
		const position = percent / 100 * (sorted.length - 1);
		const below = Math.floor(position);
		const above = Math.min(below + 1, sorted.length - 1);
		return sorted[below] + (sorted[above] - sorted[below]) * (position - below);
	};
	const limits = [at(low), at(high)];
	return limits[0] < limits[1] ? limits : finiteExtremes(numbers);
}

function finiteExtremes(numbers) {
	let [smallest, largest] = [Infinity, -Infinity];
	for (const value of numbers) {
		if (!Number.isFinite(value)) continue;
		if (value < smallest) smallest = value;
		if (value > largest) largest = value;
	}
	return smallest <= largest ? [smallest, largest] : [NaN, NaN];
}

/** A function that paints the `k`th number between two limits. NaN leaves a pixel transparent. */
function shadePainter(numbers, [low, high], table) {
	const scale = high > low ? 255 / (high - low) : 0;
	return (pixels, at, k) => {
		const value = numbers[k];
		if (Number.isNaN(value)) return;
		const shade = scale ? Math.round(Math.min(255, Math.max(0, (value - low) * scale))) : 127;
		for (let n = 0; n < 3; n++) pixels[at + n] = table[3 * shade + n];
		pixels[at + 3] = 255;
	};
}

/** About `count` round numbers from `low` to `high`, at least `least` apart, and their distance. */
function roundNumbers([low, high], count, least = 0) {
	const rough = Math.max(least, (high - low) / count);
	const power = 10 ** Math.floor(Math.log10(rough));
	const step = power * [1, 2, 5, 10].find(factor => factor * power >= rough * 0.999);
	const first = Math.ceil(low / step);
	// Counted from the first, since beyond 2 ** 53 adding 1 changes nothing.
	const ticks = Array.from({ length: 2 * count + 2 }, (_, k) => (first + k) * step);
	return [ticks.filter(tick => tick <= high + step * 1e-9), step];
}
