// ---- Charts: a vector as a line, and its histogram ----

/** A drawing with a horizontal axis, along which pointer and arrow keys choose a position. */
class Chart {
	/** `onPick` is called with the position that is clicked, or chosen by Enter. */
	constructor(label, onPick = () => {}) {
		const choose = event => this.choose(this.nearest((event.offsetX - this.left) / (this.right - this.left)));
		Object.assign(this, { label, onPick, chosen: null });
		this.canvas = el('canvas.chart', {
			tabIndex: 0, role: 'img', 'aria-label': label, chart: this,
			onpointermove: choose,
			onclick: event => {
				choose(event);
				if (event.detail < 2) this.pick();
			},
			onkeydown: event => this.onKey(event),
		});
		this.output = el('output', {}, '\u00a0');
		this.element = el('figure', {}, this.canvas, el('figcaption', {}, this.output));
		// The first call comes when the canvas is laid out.
		new ResizeObserver(() => this.draw()).observe(this.canvas);
	}

	describe(text) {
		this.output.textContent = text;
		this.canvas.setAttribute('aria-label', `${this.label}: ${text}`);
		this.draw();
	}

	choose(position) {
		if (!this.count) return;
		this.chosen = Math.min(this.count - 1, Math.max(0, position));
		this.output.textContent = this.textAt(this.chosen);
		this.draw();
	}

	onKey(event) {
		const far = event.shiftKey ? 10 : 1;
		const from = this.chosen ?? 0;
		const targets = { ArrowLeft: from - far, ArrowRight: from + far, Home: 0, End: this.count - 1, Enter: from };
		if (!(event.key in targets)) return;
		event.preventDefault();
		this.choose(targets[event.key]);
		if (event.key === 'Enter') this.pick();
	}

	pick() {
		if (this.chosen !== null) this.onPick(this.chosen);
	}

	/**
	 * Clears the canvas and draws the axes. Each has bounds, the text of its ticks, and their least
	 * distance. Returns the context and functions from values to coordinates.
	 */
	begin(horizontal, vertical) {
		const { canvas } = this;
		const [width, height] = [canvas.clientWidth, canvas.clientHeight];
		const ratio = devicePixelRatio;
		[canvas.width, canvas.height] = [Math.round(width * ratio), Math.round(height * ratio)];
		const context = canvas.getContext('2d');
		context.scale(ratio, ratio);
		const style = getComputedStyle(canvas);
		context.font = `12px ${style.fontFamily}`;
		const ticks = ({ bounds, text, least }, count) => {
			const [numbers, step] = roundNumbers(bounds, count, least);
			return numbers.map(value => [value, text(value, step)]);
		};
		const yTicks = ticks(vertical, 4);
		const widest = Math.max(...yTicks.map(([, text]) => context.measureText(text).width));
		this.left = Math.min(widest + 10, width / 2);
		this.right = width - 12;
		const bottom = height - 22;
		const between = ([low, high], from, to) => value => from + (value - low) / (high - low) * (to - from);
		const x = between(horizontal.bounds, this.left, this.right);
		const y = between(vertical.bounds, bottom, 8);
		context.strokeStyle = style.getPropertyValue('--line');
		context.fillStyle = style.getPropertyValue('--faint');
		context.textBaseline = 'middle';
		context.textAlign = 'right';
		for (const [value, text] of yTicks) {
			strokeLine(context, this.left, y(value), this.right, y(value));
			context.fillText(text, this.left - 6, y(value), this.left - 6);
		}
		context.textBaseline = 'top';
		context.textAlign = 'center';
		let free = 0;
		for (const [value, text] of ticks(horizontal, Math.max(2, width / 90))) {
			strokeLine(context, x(value), bottom, x(value), bottom + 4);
			const half = context.measureText(text).width / 2;
			const middle = Math.min(x(value), width - half);
			// Long texts have room at some ticks only.
			if (middle - half < free) continue;
			context.fillText(text, middle, bottom + 7);
			free = middle + half + 8;
		}
		context.strokeStyle = context.fillStyle = style.getPropertyValue('--accent');
		return { context, x, y, bottom, mark: style.getPropertyValue('--mark') };
	}
}

function strokeLine(context, x0, y0, x1, y1) {
	context.beginPath();
	context.moveTo(x0, y0);
	context.lineTo(x1, y1);
	context.stroke();
}

/** Bounds that are not equal. */
function widened([low, high]) {
	if (Number.isNaN(low)) return [0, 1];
	const more = low < high ? (high - low) * 0.04 : Math.abs(low) * 0.1 || 1;
	return [low - more, high + more];
}

/** The texts of the smallest value, the largest and the mean of those that are finite. */
function summaryOf(slice, numbers, [low, high], tick) {
	if (slice.layout.isInteger) {
		// They are exact, also where numbers are not.
		const values = Array.from(numbers, (_, k) => BigInt(slice.value(k))).sort((a, b) => a < b ? -1 : 1);
		const total = values.reduce((sum, value) => sum + value);
		const count = BigInt(values.length);
		const [whole, rest] = [total / count, Number(total % count) / values.length];
		const hasPart = rest !== 0 && Number.isSafeInteger(Number(whole));
		return [values[0], values.at(-1), hasPart ? Number(whole) + rest : whole];
	}
	const finite = numbers.filter(Number.isFinite);
	const mean = low + finite.reduce((sum, value) => sum + (value - low) / finite.length, 0);
	return [low, high, mean].map(textAmong(tick, low, high));
}

class LineChart extends Chart {
	show(slice, numbers, range, tick, marked) {
		Object.assign(this, { slice, numbers, range, tick, marked, chosen: null });
		this.extremes = finiteExtremes(numbers);
		const [low, high, mean] = summaryOf(slice, numbers, this.extremes, tick);
		const facts = Number.isNaN(this.extremes[0])
			? 'none of them a finite number' : `from ${low} to ${high}, mean ${mean}`;
		const step = range.step > 1 ? ` (every ${range.step}th)` : '';
		this.describe(`${numbers.length} values${step}, ${facts}`);
	}

	get count() {
		return this.numbers?.length ?? 0;
	}

	nearest(fraction) {
		return Math.round(fraction * (this.count - 1));
	}

	textAt(k) {
		return `[${this.range.index(k)}] = ${this.slice.text(k)}`;
	}

	mark(index) {
		this.marked = index;
		this.draw();
	}

	draw() {
		if (!this.count || !this.canvas.clientWidth) return;
		const { numbers, range, tick, chosen } = this;
		const ends = [range.index(0), range.index(this.count - 1)];
		const bounds = this.count > 1 ? ends : widened(ends);
		const { context, x, y, bottom, mark } = this.begin(
			{ bounds, text: String, least: 1 }, { bounds: widened(this.extremes), text: tick });
		this.drawLine(context, k => x(range.index(k)), y);
		context.strokeStyle = mark;
		if (this.marked !== null) {
			context.setLineDash([3, 3]);
			strokeLine(context, x(this.marked), 8, x(this.marked), bottom);
			context.setLineDash([]);
		}
		if (chosen === null || !Number.isFinite(numbers[chosen])) return;
		context.beginPath();
		context.arc(x(range.index(chosen)), y(numbers[chosen]), 4, 0, 7);
		context.stroke();
	}

	/** Draws the line, with gaps where a value is not finite, and dots between gaps. */
	drawLine(context, x, y) {
		const { numbers } = this;
		const isFinite = k => Number.isFinite(numbers[k]);
		context.lineWidth = 1.5;
		context.lineJoin = 'round';
		context.beginPath();
		for (let k = 0; k < numbers.length; k++) {
			if (!isFinite(k)) continue;
			if (isFinite(k - 1)) context.lineTo(x(k), y(numbers[k]));
			else context.moveTo(x(k), y(numbers[k]));
			if (!isFinite(k - 1) && !isFinite(k + 1)) context.fillRect(x(k) - 2, y(numbers[k]) - 2, 4, 4);
		}
		context.stroke();
		context.lineWidth = 1;
	}
}

class Histogram extends Chart {
	show(numbers, isInteger, tick) {
		const finite = numbers.filter(Number.isFinite);
		const [low, high] = finite.length ? finiteExtremes(finite) : [0, 0];
		// One bar for each value of integers that are few.
		const isSingle = isInteger && high - low < 64;
		const bins = isSingle ? high - low + 1 : high > low ? 48 : 1;
		const width = isSingle ? 1 : (high - low) / bins || 1;
		Object.assign(this, { tick, isSingle, width, low: isSingle ? low - 0.5 : low, chosen: null });
		this.counts = new Array(bins).fill(0);
		for (const value of finite) {
			this.counts[Math.min(bins - 1, Math.floor((value - this.low) / width))]++;
		}
		const others = numbers.length - finite.length;
		this.describe(`Histogram of ${finite.length} values${others ? `; ${others} are not finite` : ''}`);
	}

	get count() {
		return this.counts?.length ?? 0;
	}

	nearest(fraction) {
		return Math.floor(fraction * this.count);
	}

	edge(k) {
		return this.low + k * this.width;
	}

	textAt(k) {
		const values = this.isSingle ? [this.edge(k) + 0.5] : [this.edge(k), this.edge(k + 1)];
		const texts = values.map(value => this.tick(value, this.width / 100));
		return `${texts.join(' to ')}: ${this.counts[k]} values`;
	}

	draw() {
		if (!this.count || !this.canvas.clientWidth) return;
		const { counts } = this;
		const { context, x, y, bottom, mark } = this.begin(
			{ bounds: [this.edge(0), this.edge(counts.length)], text: this.tick, least: this.isSingle ? 1 : 0 },
			{ bounds: [0, Math.max(1, ...counts) * 1.04], text: String, least: 1 });
		counts.forEach((count, k) => {
			const [left, right] = [x(this.edge(k)), x(this.edge(k + 1))];
			context.fillStyle = k === this.chosen ? mark : context.strokeStyle;
			context.fillRect(left, y(count), Math.max(0.5, right - left - 0.5), bottom - y(count));
		});
	}
}

class Profile {
	/** Of the vector through the element at the index `at`, which others change. */
	constructor(array, at, along, { onPick, onAxis = () => {} }) {
		Object.assign(this, { array, at, along });
		this.newest = new Newest();
		const choices = choice('Plot along', axisOptions(array, array.axes), along, axis => {
			this.along = Number(axis);
			onAxis();
			this.show();
		});
		choices.hidden = array.ndim === 1;
		this.source = el('p.source');
		this.line = new LineChart('Line plot', k => onPick(this.axis, this.line.range.index(k)));
		this.histogram = new Histogram('Histogram');
		this.element = el('div', {}, el('div.settings', {}, choices), this.source,
			el('div.charts', {}, this.line.element, this.histogram.element));
	}

	show() {
		const { array, at, along: axis } = this;
		const range = array.whole(axis, MOST_PLOTTED);
		const parts = at.map((index, k) => k === axis ? range : index);
		this.newest.run(async () => {
			const slice = await array.slice(parts);
			const all = slice.numbers();
			this.axis = axis;
			this.source.replaceChildren('Values of ', fileLink(array, parts));
			// The difference of the largest floats is no number, so they are drawn in another unit.
			const unit = all.some(value => Math.abs(value) > 1e300) ? 1024 : 1;
			const numbers = all.map(value => value / unit);
			const tick = (value, resolution) => array.tick(value * unit, resolution * unit);
			this.line.show(slice, numbers, range, tick, array.ndim > 1 ? at[axis] : null);
			this.histogram.show(numbers, array.layout.isInteger, tick);
		});
	}
}

function fileLink(array, parts) {
	const address = array.addressOfSlice(parts);
	return el('a', { href: address, download: '' }, el('code', {}, address.slice(address.lastIndexOf('slices/'))));
}
