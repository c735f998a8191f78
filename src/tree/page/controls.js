// ---- Controls: elements of the page ----

/** A new element, by its tag and class. Names that are no property of it become attributes. */
function el(kind, properties = {}, ...children) {
	const [tag, className = ''] = kind.split('.');
	const element = Object.assign(document.createElement(tag), { className });
	for (const [name, value] of Object.entries(properties)) {
		if (name in element || value instanceof Object) element[name] = value;
		else element.setAttribute(name, value);
	}
	// Text is appended as text: names in a file can look like HTML.
	element.append(...children.flat().filter(child => child !== null));
	return element;
}

function button(text, onclick, label = text) {
	return el('button', { type: 'button', onclick, 'aria-label': label, title: label }, text);
}

function group(label, ...buttons) {
	return el('div.buttons', { role: 'group', 'aria-label': label }, ...buttons);
}

/** A table that can be scrolled, also by keys. */
function scrolling(label, ...content) {
	return el('div.scroll', { tabIndex: 0, role: 'region', 'aria-label': label }, ...content);
}

function checkbox(text, checked, onChange) {
	const box = el('input', { type: 'checkbox', checked, onchange: () => onChange(box.checked) });
	return el('label.check', {}, box, text);
}

/** A labelled list to choose from. Options are [value, text]. */
function choice(label, options, value, onChange) {
	const select = el('select', { onchange: () => onChange(select.value) },
		options.map(([key, text]) => el('option', { value: key }, text)));
	select.value = value;
	return el('label.field', {}, label, select);
}

function numberField(label, value, bounds, onChange) {
	const oninput = () => { if (isValid(input)) onChange(input.valueAsNumber); };
	const input = el('input', { type: 'number', value, ...bounds, oninput });
	return el('label.field', {}, label, input);
}

function isValid(input) {
	// The browser says what is wrong.
	return input.value !== '' && input.reportValidity();
}

function tabs(label, options, value, onChange) {
	const press = key => options.forEach(([other], k) => { buttons[k].ariaPressed = String(other === key); });
	const buttons = options.map(([key, text]) => button(text, () => {
		press(key);
		onChange(key);
	}));
	press(value);
	return group(label, buttons);
}

class IndexSliders {
	/** Of the indices `at`. `onChange` is called with the axis whose index has changed. */
	constructor(array, at, onChange) {
		Object.assign(this, { array, at, onChange });
		this.element = el('div');
	}

	show(axes) {
		this.inputs = [];
		this.element.replaceChildren(...axes.map(axis => this.slider(axis)));
	}

	slider(axis) {
		const last = this.array.shape[axis] - 1;
		const name = this.array.axisName(axis);
		const bounds = { min: 0, max: last, step: 1, value: this.at[axis] };
		const range = el('input', { type: 'range', ...bounds, disabled: last === 0 });
		const number = el('input', { type: 'number', 'aria-label': `${name}, index`, ...bounds });
		const change = source => {
			if (!isValid(source)) return;
			this.at[axis] = source.valueAsNumber;
			this.refresh(source);
			this.onChange(axis);
		};
		for (const input of [range, number]) {
			input.oninput = () => change(input);
			this.inputs.push([axis, input]);
		}
		return el('div.slider', {}, el('label.field', {}, name, range), number);
	}

	/** Shows the indices as they are now, except in the input that the person is using. */
	refresh(source = null) {
		for (const [axis, input] of this.inputs) {
			if (input !== source) input.value = this.at[axis];
		}
	}
}

function axisOptions(array, axes) {
	return axes.map(axis => [String(axis), `${array.axisName(axis)}: ${array.shape[axis]}`]);
}

/** The text of a number, down to the decimal place of `resolution`. */
function numberText(value, resolution) {
	if (Number.isSafeInteger(value)) return String(value);
	const place = number => Math.floor(Math.log10(Math.abs(number)));
	const digits = place(value) - place(resolution) + 1;
	return String(Number(value.toPrecision(Math.min(17, Math.max(1, digits)))));
}

function textAmong(tick, low, high) {
	return value => tick(value, high / 1e5 - low / 1e5);
}

/** Buttons that call `turn` with -1 or 1, and a function that says what they show. */
function pager(turn) {
	const previous = button('◀', () => turn(-1), 'Previous page');
	const next = button('▶', () => turn(1), 'Next page');
	const status = el('output');
	const say = (start, stop, length) => {
		status.textContent = `${start} to ${stop - 1} of ${length}`;
		previous.disabled = start === 0;
		next.disabled = stop >= length;
	};
	return [group('Pages', previous, next, status), say];
}

function bytesText(count) {
	const units = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB'];
	const power = Math.floor(Math.log2(Math.max(1, count)) / 10);
	return `${Number((count / 1024 ** power).toPrecision(4))} ${units[power]}`;
}

function complain(error) {
	const problem = document.getElementById('problem');
	problem.hidden = error === null;
	problem.textContent = error === null ? '' : error.message;
}
