// ---- Files: names in the mount, and what they hold ----

/** The address of a file by its path, a list of names. Names can contain any character. */
function addressOf(names) {
	return ['.', ...names.map(encodeURIComponent)].join('/');
}

/** The content of a file as `kind`, which is the name of a method of responses. */
async function fetchFile(address, kind) {
	let response;
	try {
		// What the file holds now, not what it held when it was last shown.
		response = await fetch(address, { cache: 'no-store' });
		if (response.ok) return await response[kind]();
	} catch {
		throw new Error(`${address}: the server does not answer, or could not read the file`);
	}
	throw new Error(`${address}: ${response.status} ${response.statusText}`);
}

/** The meta.json of a directory. Integers that no number holds are texts. */
async function fetchMeta(names) {
	const text = await fetchFile(addressOf([...names, 'meta.json']), 'text');
	return JSON.parse(text, (_, value, { source } = {}) =>
		/^-?\d+$/.test(source) && !Number.isSafeInteger(value) ? source : value);
}

/** The directory of a field in fields/: its name, with escapes for what no file name can contain. */
function fieldDirectory(position, name) {
	if (name === '') return '%';
	if (name === '.' || name === '..') return '%2E'.repeat(name.length);
	const escapes = { '/': '%2F', '\0': '%00', '%': '%25' };
	const escaped = name.replace(/[/\0%]/g, character => escapes[character]);
	return new TextEncoder().encode(escaped).length > 255 ? `%n${position}` : escaped;
}

/** Part of one axis: from `start` to before `stop`, every `step`th index. */
class Range {
	constructor(start, stop, step = 1) {
		Object.assign(this, { start, stop, step });
	}

	get count() {
		return Math.max(0, Math.ceil((this.stop - this.start) / this.step));
	}

	index(k) {
		return this.start + k * this.step;
	}

	/** The position of an index, also of one that is left out. */
	position(index) {
		return Math.floor((index - this.start) / this.step);
	}

	has(index) {
		return index >= this.start && index < this.stop;
	}

	/** The index in the array nearest to position `k`. */
	nearest(k) {
		return this.index(Math.min(this.count - 1, Math.max(0, Math.floor(k))));
	}

	/** The range as NumPy writes it, of an axis of `length`. */
	text(length) {
		const isWhole = this.start === 0 && this.stop === length;
		const bounds = isWhole ? ':' : `${this.start}:${this.stop}`;
		return this.step === 1 ? bounds : `${bounds}:${this.step}`;
	}
}

/** An array of the mount: where it is, what it is, and its slices. */
class MountedArray {
	constructor(names, meta) {
		this.names = names;
		this.meta = meta;
		this.shape = meta.shape;
		this.ndim = meta.ndim;
		this.axes = [...meta.shape.keys()];
		this.layout = layoutOfMeta(meta);
		// The text of a number of the array that is no element, such as a limit or a mean.
		this.tick = this.layout.tick ?? numberText;
	}

	axisName(axis) {
		const name = this.meta.dims?.[axis];
		return name ? `${name} (axis ${axis})` : `axis ${axis}`;
	}

	/** The whole of an axis, by steps such that at most `most` indices are left. */
	whole(axis, most = Infinity) {
		const length = this.shape[axis];
		return new Range(0, length, Math.max(1, Math.ceil(length / most)));
	}

	/** The file of a slice. Each part is an index or a range, one for each axis. */
	addressOfSlice(parts) {
		// A 0-d array has no index that is a file name.
		if (parts.length === 0) return addressOf([...this.names, 'data']);
		const text = (part, axis) => part instanceof Range ? part.text(this.shape[axis]) : part;
		return `${addressOf([...this.names, 'slices'])}/${encodeURI(parts.map(text).join(','))}`;
	}

	/** Reads a slice. Its axes are the parts that are ranges, in their order. */
	async slice(parts) {
		const shape = parts.filter(part => part instanceof Range).map(range => range.count);
		return new Slice(this.layout, shape, await fetchFile(this.addressOfSlice(parts), 'arrayBuffer'));
	}
}

class Slice {
	constructor(layout, shape, buffer) {
		this.layout = layout;
		this.shape = shape;
		this.view = new DataView(buffer);
	}

	value(k) {
		return this.layout.read(this.view, k * this.layout.itemsize);
	}

	text(k) {
		return this.layout.text(this.value(k));
	}

	numbers() {
		const { layout, view } = this;
		const numbers = new Float64Array(product(this.shape));
		for (let k = 0; k < numbers.length; k++) {
			numbers[k] = layout.number(layout.read(view, k * layout.itemsize));
		}
		return numbers;
	}
}

/**
 * Runs the newest job that it is given, one at a time. Jobs that a newer one has overtaken before
 * they began are dropped, so that a slider that is dragged never leaves a queue of requests.
 */
class Newest {
	#waiting = null;
	#isRunning = false;

	async run(job) {
		this.#waiting = job;
		if (this.#isRunning) return;
		this.#isRunning = true;
		try {
			while (this.#waiting) {
				const next = this.#waiting;
				this.#waiting = null;
				await next().then(() => complain(null), complain);
			}
		} finally {
			this.#isRunning = false;
		}
	}
}
