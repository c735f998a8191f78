// ---- Picture: two axes of an array ----

class Picture {
	/** `at` has an index for each axis. Other views of the array share it. */
	constructor(array, at) {
		Object.assign(this, { array, at });
		this.newest = new Newest();
		// The place of the value that is said, by axis.
		this.said = {};
		this.look = { low: 1, high: 99, isHeld: false, map: 'grey' };
		this.channel = isColour(array) ? array.ndim - 1 : null;
		this.sliders = new IndexSliders(array, at, axis => this.moved(axis));
		this.chooseAxes();
		const others = array.axes.filter(axis => ![this.rows, this.cols, this.channel].includes(axis));
		const along = (others.length ? others : [this.rows, this.cols])
			.reduce((a, b) => array.shape[b] > array.shape[a] ? b : a);
		this.profile = new Profile(array, at, along, { onPick: (axis, index) => this.goTo(axis, index) });
		this.profile.element.hidden = true;
		this.build();
		this.axesChanged();
	}

	build() {
		this.canvas = el('canvas', {
			tabIndex: 0, role: 'img', 'aria-describedby': 'picture-keys',
			onpointermove: event => this.say(...this.pixelOf(event)),
			// Not the second click of two.
			onclick: event => { if (event.detail < 2) this.select(...this.pixelOf(event)); },
			ondblclick: event => this.zoom(0.5, ...this.pixelOf(event)),
			onkeydown: event => this.onKey(event),
		});
		this.mark = el('div.mark');
		this.frame = el('div.frame', {}, this.canvas, this.mark);
		this.value = el('output', {}, '\u00a0');
		this.source = el('p.source');
		this.settings = el('div.settings');
		const zoom = group('Zoom',
			button('+', () => this.zoom(0.5), 'Zoom in'),
			button('−', () => this.zoom(2), 'Zoom out'),
			button('Whole', () => this.reset()));
		const hint = el('p', { id: 'picture-keys', className: 'hint' },
			'Click a pixel to plot values through it. Double-click to zoom. Arrow keys move.');
		this.element = el('div', {},
			el('div.picture', {},
				el('figure', {}, this.frame, el('figcaption', {}, this.value), this.source),
				el('div.panel', {},
					this.settings, this.sliders.element, this.lookControls(), zoom, hint)),
			this.profile.element);
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
				this.axesChanged();
			}));
		}
		this.sliders.show(axes.filter(axis => axis !== this.rows && axis !== this.cols));
		this.limits = null;
		this.reset();
	}

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
			const channels = channel === null ? 1 : array.shape[channel];
			const strides = rows < cols ? [c.count * channels, channels] : [channels, r.count * channels];
			const position = (i, j) => i * strides[0] + j * strides[1];
			this.shown = { slice, numbers: slice.numbers(), parts, rows, cols, channels, r, c, position };
			this.source.replaceChildren('Picture of ', fileLink(array, parts));
			this.paint();
		});
	}

	paint() {
		if (!this.shown) return;
		const { array, look } = this;
		const { numbers, channels, r, c, position } = this.shown;
		const image = new ImageData(c.count, r.count);
		if (!look.isHeld) this.limits = null;
		this.limits ??= percentiles(numbers, look.low, look.high);
		const limits = this.limits.map(textAmong(array.tick, ...this.limits));
		this.limitsText.textContent = channels > 1 ? '' : `from ${limits.join(' to ')}`;
		const paint = channels > 1
			? (pixels, at, k) => { for (let n = 0; n < 4; n++) pixels[at + n] = n < channels ? numbers[k + n] : 255; }
			: shadePainter(numbers, this.limits, colourTable(look.map));
		for (let i = 0, at = 0; i < r.count; i++) {
			for (let j = 0; j < c.count; j++, at += 4) paint(image.data, at, position(i, j));
		}
		[this.canvas.width, this.canvas.height] = [c.count, r.count];
		this.canvas.getContext('2d').putImageData(image, 0, 0);
		this.canvas.setAttribute('aria-label', `Picture of ${r.count} by ${c.count} values`);
		// Long thin pictures are stretched.
		const ratio = Math.min(4, Math.max(1 / 3, (c.stop - c.start) / (r.stop - r.start)));
		this.frame.style.setProperty('--ratio', ratio);
		this.showMark();
		// The place under the pointer has another value now.
		this.sayAgain();
	}

	pixelOf(event) {
		if (!this.shown) return [0, 0];
		const box = this.canvas.getBoundingClientRect();
		const { r, c } = this.shown;
		return [
			r.nearest((event.clientY - box.top) / box.height * r.count),
			c.nearest((event.clientX - box.left) / box.width * c.count),
		];
	}

	say(row, col) {
		if (!this.shown) return;
		this.said = { [this.shown.rows]: row, [this.shown.cols]: col };
		this.sayAgain();
	}

	/** Says the value where it was last said, from what is shown, or nothing if that is elsewhere. */
	sayAgain() {
		const { slice, parts, rows, cols, channels, r, c, position } = this.shown;
		this.value.textContent = '\u00a0';
		if (!r.has(this.said[rows]) || !c.has(this.said[cols])) return;
		const [i, j] = [r.position(this.said[rows]), c.position(this.said[cols])];
		const k = position(i, j);
		// The index of what is shown, which is not that of the sliders while a slice is fetched.
		const index = parts.map(part => part instanceof Range ? ':' : part);
		[index[rows], index[cols]] = [r.index(i), c.index(j)];
		const texts = Array.from({ length: channels }, (_, n) => slice.text(k + n));
		this.value.textContent = `[${index.join(', ')}] = ${texts.join(', ')}`;
	}

	select(row, col) {
		if (!this.shown) return;
		[this.at[this.shown.rows], this.at[this.shown.cols]] = [row, col];
		this.say(row, col);
		this.profile.element.hidden = false;
		this.showMark();
		this.profile.show();
	}

	showMark() {
		const { r, c, rows, cols } = this.shown;
		const [row, col] = [this.at[rows], this.at[cols]];
		this.mark.hidden = this.profile.element.hidden || !r.has(row) || !c.has(col);
		this.mark.style.top = `${100 * (r.position(row) + 0.5) / r.count}%`;
		this.mark.style.left = `${100 * (c.position(col) + 0.5) / c.count}%`;
	}

	moved(axis) {
		this.load();
		if (this.profile.element.hidden) return;
		if (axis === this.profile.axis && axis === this.profile.along) this.profile.line.mark(this.at[axis]);
		else this.profile.show();
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
		const far = event.shiftKey ? 10 : 1;
		const moves = {
			ArrowUp: [-far, 0], ArrowDown: [far, 0], ArrowLeft: [0, -far], ArrowRight: [0, far], Enter: [0, 0],
		};
		if (!this.shown || !(event.key in moves)) return;
		event.preventDefault();
		const { rows, cols, r, c } = this.shown;
		const [row, col] = [[rows, r], [cols, c]].map(([axis, range], k) =>
			this.array.whole(axis).nearest(range.index(range.position(this.at[axis]) + moves[event.key][k])));
		this.select(row, col);
		// Beyond the edge of the part that is shown, another part is.
		if (!r.has(row) || !c.has(col)) this.zoom(1, row, col);
	}
}

/** Whether the last axis can be that of red, green, blue and perhaps opacity. */
function isColour({ meta, shape, ndim }) {
	return meta.dtype === '|u1' && ndim >= 3 && [3, 4].includes(shape[ndim - 1]);
}
