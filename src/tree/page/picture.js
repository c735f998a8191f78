// ---- Picture: two axes of an array ----

class Picture {
	/** `at` has an index for each axis. Other views of the array share it. */
	constructor(array, at) {
		Object.assign(this, { array, at });
		this.newest = new Newest();
		this.look = { low: 1, high: 99, isHeld: false, map: 'grey', isInverted: false };
		this.channel = isColour(array) ? array.ndim - 1 : null;
		this.sliders = new IndexSliders(array, at, axis => this.moved(axis));
		this.profile = new Profile(array, (axis, index) => this.goTo(axis, index));
		this.build();
		this.chooseAxes();
	}

	build() {
		this.canvas = el('canvas', {
			tabIndex: 0, role: 'img', 'aria-describedby': 'picture-keys',
			onpointermove: event => this.say(...this.pixelOf(event)),
			onclick: event => this.select(...this.pixelOf(event)),
			ondblclick: event => this.zoom(0.5, ...this.pixelOf(event)),
			onkeydown: event => this.onKey(event),
		});
		this.mark = el('div.mark');
		this.frame = el('div.frame', {}, this.canvas, this.mark);
		this.value = el('output', {}, '\u00a0');
		this.source = el('p.source');
		this.settings = el('div.settings');
		this.plots = el('div', { hidden: true });
		const zoom = group('Zoom',
			button('+', () => this.zoom(0.5), 'Zoom in'),
			button('−', () => this.zoom(2), 'Zoom out'),
			button('Whole', () => this.reset()));
		const hint = el('p', { id: 'picture-keys', className: 'hint' },
			'Click a pixel to plot values through it. Double-click to zoom. Keys: arrows, +, −, 0.');
		this.element = el('div', {},
			el('div.picture', {},
				el('figure', {}, this.frame, el('figcaption', {}, this.value), this.source),
				el('div.panel', {},
					this.settings, this.sliders.element, this.lookControls(), zoom, hint)),
			this.plots);
		// The picture keeps its proportions when the window changes.
		new ResizeObserver(() => this.fit()).observe(this.element);
	}

	lookControls() {
		const { look } = this;
		const set = key => value => {
			look[key] = value;
			if (key === 'low' || key === 'high') this.limits = null;
			this.paint();
		};
		const bounds = { min: 0, max: 100, step: 'any' };
		const maps = Object.keys(COLOUR_MAPS).map(name => [name, name]);
		this.limitsText = el('output.limits');
		return el('div.settings', {},
			choice('Colours', maps, look.map, set('map')),
			checkbox('inverted', false, set('isInverted')),
			numberField('Low percentile', look.low, bounds, set('low')),
			numberField('High percentile', look.high, bounds, set('high')),
			checkbox('keep contrast', false, set('isHeld')),
			this.limitsText);
	}

	/** Begins with the last two axes, transposed where the first are those that are contiguous. */
	chooseAxes() {
		const { array } = this;
		const axes = array.axes.filter(axis => axis !== this.channel);
		[this.rows, this.cols] = array.meta.order === 'F' ? [axes[1], axes[0]] : axes.slice(-2);
		const others = axes.filter(axis => axis !== this.rows && axis !== this.cols);
		const longest = (a, b) => array.shape[b] > array.shape[a] ? b : a;
		this.along = (others.length ? others : axes).reduce(longest);
		const along = choice('Plot along', axisOptions(array, array.axes), this.along, axis => {
			this.along = Number(axis);
			this.plot();
		});
		this.plots.replaceChildren(el('div.settings', {}, along), this.profile.element);
		this.axesChanged();
	}

	axesChanged() {
		const { array } = this;
		const axes = array.axes.filter(axis => axis !== this.channel);
		const choose = (axis, other) => value => {
			// Choosing the axis that the other has swaps them.
			if (Number(value) === this[other]) this[other] = this[axis];
			this[axis] = Number(value);
			this.axesChanged();
		};
		const options = axisOptions(array, axes);
		this.settings.replaceChildren(
			choice('Down', options, this.rows, choose('rows', 'cols')),
			choice('Across', options, this.cols, choose('cols', 'rows')));
		if (isColour(array)) {
			this.settings.append(checkbox('last axis as colours', this.channel !== null, isOn => {
				this.channel = isOn ? array.ndim - 1 : null;
				this.chooseAxes();
			}));
		}
		this.sliders.show(axes.filter(axis => axis !== this.rows && axis !== this.cols));
		this.limits = null;
		this.reset();
	}

	/** Shows the whole of both axes. */
	reset() {
		const { array, rows, cols } = this;
		this.window = { [rows]: array.whole(rows), [cols]: array.whole(cols) };
		this.load();
	}

	/** Shows `factor` times as much as now, around an element. */
	zoom(factor, row = this.at[this.rows], col = this.at[this.cols]) {
		for (const [axis, centre] of [[this.rows, row], [this.cols, col]]) {
			const length = this.array.shape[axis];
			const count = Math.min(length, Math.max(8, Math.round(this.window[axis].count * factor)));
			const first = Math.min(length - count, Math.max(0, Math.round(centre - count / 2)));
			this.window[axis] = new Range(first, first + count);
		}
		this.load();
	}

	load() {
		const { array, rows, cols, channel } = this;
		const [down, across] = [this.window[rows], this.window[cols]];
		const steps = pictureSteps(down.count, across.count);
		const r = new Range(down.start, down.stop, steps[0]);
		const c = new Range(across.start, across.stop, steps[1]);
		const parts = [...this.at];
		[parts[rows], parts[cols]] = [r, c];
		if (channel !== null) parts[channel] = array.whole(channel);
		this.newest.run(async () => {
			const slice = await array.slice(parts);
			// How far apart elements are in the slice, whose axes are in the order of the array.
			const each = channel === null ? 1 : array.shape[channel];
			const strides = rows < cols ? [c.count * each, each] : [each, r.count * each];
			const position = (i, j) => i * strides[0] + j * strides[1];
			this.shown = { slice, rows, cols, channel, r, c, position };
			if (channel === null) this.shown.numbers = this.ordered(slice.numbers());
			this.source.replaceChildren('Picture of ', fileLink(array, parts));
			this.paint();
		});
	}

	/** The numbers of the slice by row and column. */
	ordered(numbers) {
		const { rows, cols, r, c, position } = this.shown;
		if (rows < cols) return numbers;
		return numbers.map((_, k) => numbers[position(Math.floor(k / c.count), k % c.count)]);
	}

	paint() {
		if (!this.shown) return;
		const { array, look } = this;
		const { r, c, channel, numbers } = this.shown;
		const image = new ImageData(c.count, r.count);
		this.limitsText.textContent = '';
		if (channel !== null) {
			this.paintColours(image.data);
		} else {
			if (!look.isHeld) this.limits = null;
			this.limits ??= percentiles(numbers, look.low, look.high);
			paintNumbers(image.data, numbers, this.limits, colourTable(look.map, look.isInverted));
			this.limitsText.textContent = `from ${this.limits.map(array.tick).join(' to ')}`;
		}
		[this.canvas.width, this.canvas.height] = [c.count, r.count];
		this.canvas.getContext('2d').putImageData(image, 0, 0);
		const axes = `${array.axisName(this.shown.rows)} down, ${array.axisName(this.shown.cols)} across`;
		this.canvas.setAttribute('aria-label', `Picture of ${r.count} by ${c.count} values: ${axes}`);
		this.fit();
		this.showMark();
	}

	paintColours(pixels) {
		const { slice, r, c, channel, position } = this.shown;
		const channels = this.array.shape[channel];
		for (let i = 0, to = 0; i < r.count; i++) {
			for (let j = 0; j < c.count; j++, to += 4) {
				for (let k = 0; k < channels; k++) pixels[to + k] = slice.view.getUint8(position(i, j) + k);
				if (channels === 3) pixels[to + 3] = 255;
			}
		}
	}

	/** Makes the picture as large as its place allows. Long thin ones are stretched. */
	fit() {
		if (!this.shown) return;
		const { r, c } = this.shown;
		const ratio = Math.min(4, Math.max(1 / 3, (c.stop - c.start) / (r.stop - r.start)));
		const tallest = Math.max(280, innerHeight * 0.66);
		const width = Math.floor(Math.min(this.frame.parentElement.clientWidth, tallest * ratio));
		this.frame.style.width = `${width}px`;
		this.frame.style.height = `${Math.round(width / ratio)}px`;
	}

	/** The indices of the row and the column under the pointer. */
	pixelOf(event) {
		if (!this.shown) return [0, 0];
		const box = this.canvas.getBoundingClientRect();
		const { r, c } = this.shown;
		return [
			r.nearest((event.clientY - box.top) / box.height * r.count),
			c.nearest((event.clientX - box.left) / box.width * c.count),
		];
	}

	/** Says the value of an element in the picture. */
	say(row, col) {
		if (!this.shown) return;
		const { slice, rows, cols, r, c, channel, position } = this.shown;
		if (!r.has(row) || !c.has(col)) return;
		const k = position(r.position(row), c.position(col));
		const index = [...this.at];
		[index[rows], index[cols]] = [row, col];
		let text = slice.text(k) + this.array.scaledText(slice.value(k));
		if (channel !== null) {
			index[channel] = ':';
			text = Array.from({ length: this.array.shape[channel] }, (_, n) => slice.text(k + n)).join(', ');
		}
		this.value.textContent = `[${index.join(', ')}] = ${text}`;
	}

	/** Selects an element: marks it, and plots the vector through it. */
	select(row, col) {
		[this.at[this.rows], this.at[this.cols]] = [row, col];
		this.say(row, col);
		this.plots.hidden = false;
		this.showMark();
		this.plot();
	}

	plot() {
		this.profile.show(this.along, this.at);
	}

	showMark() {
		const { r, c } = this.shown;
		const [row, col] = [this.at[this.rows], this.at[this.cols]];
		this.mark.hidden = this.plots.hidden || !r.has(row) || !c.has(col);
		this.mark.style.top = `${100 * (r.position(row) + 0.5) / r.count}%`;
		this.mark.style.left = `${100 * (c.position(col) + 0.5) / c.count}%`;
	}

	/** A slider has moved. */
	moved(axis) {
		this.load();
		if (this.plots.hidden) return;
		if (axis === this.along) this.profile.line.mark(this.at[axis]);
		else this.plot();
	}

	/** Shows another index, which has been picked in the plot. */
	goTo(axis, index) {
		this.at[axis] = index;
		this.sliders.refresh();
		this.profile.line.mark(index);
		this.showMark();
		if (axis === this.rows || axis === this.cols) this.say(this.at[this.rows], this.at[this.cols]);
		else if (axis !== this.channel) this.load();
	}

	onKey(event) {
		if (!this.shown || event.ctrlKey || event.metaKey) return;
		const far = event.shiftKey ? 10 : 1;
		const zooms = { '+': 0.5, '=': 0.5, '-': 2 };
		const moves = {
			ArrowUp: [-far, 0], ArrowDown: [far, 0], ArrowLeft: [0, -far], ArrowRight: [0, far], Enter: [0, 0],
		};
		if (event.key in zooms) this.zoom(zooms[event.key]);
		else if (event.key === '0') this.reset();
		else if (event.key in moves) {
			const { r, c } = this.shown;
			const [down, across] = moves[event.key];
			this.select(
				r.nearest(r.position(this.at[this.rows]) + down),
				c.nearest(c.position(this.at[this.cols]) + across));
		} else return;
		event.preventDefault();
	}
}

/** Whether the last axis can be that of red, green, blue and perhaps opacity. */
function isColour({ meta, shape, ndim }) {
	return meta.dtype === '|u1' && ndim >= 3 && [3, 4].includes(shape[ndim - 1]);
}
