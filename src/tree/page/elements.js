// ---- Elements: from the bytes of an array to values and text ----
//
// A layout describes the elements of one dtype:
//
//   itemsize         bytes of an element
//   read(view, at)   the value of the element at byte `at` of a DataView
//   text(value)      the value as a person reads it
//   number(value)    what a picture or a plot shows; null for elements that are no numbers
//   isInteger        whether all values are integers
//   tick(number)     its text at an axis of a chart, unless it is that of a number
//   fields           of records: [{name, offset, shape, layout}]

/** The layout for a dtype, its name and its scale, as in meta.json. */
function layoutOf(dtype, name = '', scale = null) {
	// A record within a record is an array of its own, in fields/.
	if (typeof dtype !== 'string') return { ...opaque(0), text: () => '(record)' };
	const [, order, kind, digits, unit] = /^([<>|=]?)([A-Za-z])(\d*)(?:\[(.*)\])?$/.exec(dtype);
	const size = Number(digits) || 8;
	const little = order !== '>';
	if (/^(b?float16$|float8_)/.test(name)) return scaled(smallFloat(name, size, little), scale);
	switch (kind) {
		case 'b': return {
			itemsize: 1,
			read: (view, at) => view.getUint8(at) !== 0,
			text: value => value ? 'True' : 'False',
			number: Number,
			isInteger: true,
		};
		case 'i': case 'u': return scaled(integer(kind, size, little), scale);
		case 'f': return size <= 8 ? scaled(float(size, little), scale) : opaque(size);
		case 'c': return size <= 16 ? complex(size, little, scale) : opaque(size);
		case 'M': case 'm': return time(kind, little, unit);
		case 'S': return bytes(Number(digits));
		case 'U': return codePoints(4 * Number(digits), little);
		default: return opaque(Number(digits));
	}
}

/** The layout of numbers that the file says are scaled: their values are what it means. */
function scaled(layout, scale) {
	if (!scale) return layout;
	const { slope, intercept } = scale;
	const stored = layout.read;
	// FITS stores unsigned integers less half their range. They stay exact.
	if (layout.isInteger && slope === 1 && Number.isInteger(intercept)) {
		const added = layout.itemsize === 8 ? BigInt(intercept) : intercept;
		return { ...layout, read: (view, at) => stored(view, at) + added };
	}
	return {
		itemsize: layout.itemsize,
		read: (view, at) => Number(stored(view, at)) * slope + intercept,
		text: value => String(Number(value.toPrecision(15))),
		number: value => value,
	};
}

function integer(kind, size, little) {
	const get = `get${size === 8 ? 'Big' : ''}${kind === 'i' ? 'Int' : 'Uint'}${8 * size}`;
	// Integers of 64 bits are BigInts, so that their text is exact.
	return { itemsize: size, read: (view, at) => view[get](at, little), text: String, number: Number, isInteger: true };
}

function float(size, little) {
	const get = `getFloat${8 * size}`;
	return {
		itemsize: size,
		read: (view, at) => view[get](at, little),
		text: size === 4 ? float32Text : String,
		number: value => value,
	};
}

/** The shortest decimal number that is this float32. */
function float32Text(value) {
	for (let digits = 6; ; digits++) {
		const shorter = Number(value.toPrecision(digits));
		if (digits === 9 || Math.fround(shorter) === value) return String(shorter);
	}
}

/**
 * A float of one or two bytes by its name, such as float8_e4m3fn: bits of the exponent and of the
 * fraction, perhaps the bias, and which values it lacks: fn infinities, uz -0.
 */
function smallFloat(name, size, little) {
	const form = { float16: 'e5m10', bfloat16: 'e8m7' }[name] ?? name;
	const [, exponents, fractions, bias, lacks] = /e(\d)m(\d+)(?:b(\d+))?(\w*)/.exec(form);
	const one = 2 ** fractions;
	const largest = 2 ** exponents - 1;
	const zero = Number(bias ?? (largest - 1) / 2 + Number(lacks === 'fnuz'));
	const value = bits => {
		// Powers of two, without a sign.
		if (lacks === 'fnu') return bits === 255 ? NaN : 2 ** (bits - zero);
		const magnitude = bits % (one * (largest + 1));
		const sign = bits === magnitude ? 1 : -1;
		const exponent = Math.floor(magnitude / one);
		const fraction = magnitude % one / one;
		const isFinite = { fn: magnitude < 127, fnuz: bits !== 128 }[lacks] ?? exponent < largest;
		if (!isFinite) return fraction || lacks ? NaN : sign * Infinity;
		return sign * (exponent ? (1 + fraction) * 2 ** (exponent - zero) : fraction * 2 ** (1 - zero));
	};
	const known = [];
	return {
		itemsize: size,
		read: (view, at) => {
			const bits = size === 1 ? view.getUint8(at) : view.getUint16(at, little);
			return known[bits] ??= value(bits);
		},
		text: value => String(Number(value.toPrecision(5))),
		number: value => value,
	};
}

function complex(size, little, scale) {
	const part = scaled(float(size / 2, little), scale);
	return {
		itemsize: size,
		read: (view, at) => [part.read(view, at), part.read(view, at + size / 2)],
		text: ([re, im]) => `${part.text(re)}${im < 0 ? '' : '+'}${part.text(im)}j`,
		number: ([re, im]) => Math.hypot(re, im),
	};
}

const NOT_A_TIME = -(2n ** 63n);
const SECONDS = { W: 604800n, D: 86400n, h: 3600n, m: 60n, s: 1n };
const DECIMALS = { ms: 3, us: 6, ns: 9, ps: 12, fs: 15, as: 18 };

function time(kind, little, unit = '') {
	const [, multiple, base] = /^(\d*)(.*)$/.exec(unit);
	const text = value => {
		if (value === NOT_A_TIME) return 'NaT';
		const count = value * BigInt(multiple || 1);
		return kind === 'M' && base ? isoText(count, base) : `${count} ${base}`.trim();
	};
	return {
		itemsize: 8,
		read: (view, at) => view.getBigInt64(at, little),
		number: value => value === NOT_A_TIME ? NaN : Number(value),
		text,
		// What an axis of a chart says of a number.
		tick: value => Number.isFinite(value) ? text(BigInt(Math.round(value))) : String(value),
	};
}

/** The moment `count` units after the beginning of 1970, as ISO 8601 has it. */
function isoText(count, unit) {
	const floor = (a, b) => (a - ((a % b) + b) % b) / b;
	if (unit === 'Y') return String(1970n + count);
	if (unit === 'M') {
		const year = floor(count, 12n);
		return `${1970n + year}-${String(count - 12n * year + 1n).padStart(2, '0')}`;
	}
	const decimals = DECIMALS[unit] ?? 0;
	const each = 10n ** BigInt(decimals);
	const seconds = decimals ? floor(count, each) : count * SECONDS[unit];
	const date = new Date(1000 * Number(seconds));
	if (Number.isNaN(date.getTime())) return `${count} ${unit}`;
	// As precise as the unit: without T00:00:00, :00:00 or :00.
	const text = date.toISOString().slice(0, -5 - ({ W: 9, D: 9, h: 6, m: 3 }[unit] ?? 0));
	return decimals ? `${text}.${String(count - each * seconds).padStart(decimals, '0')}` : text;
}

const UTF8 = new TextDecoder();

function bytes(size) {
	return {
		itemsize: size,
		read: (view, at) => new Uint8Array(view.buffer, view.byteOffset + at, size),
		text: value => UTF8.decode(value).replace(/\0+$/, ''),
		number: null,
	};
}

function codePoints(size, little) {
	return {
		itemsize: size,
		read: (view, at) => {
			let text = '';
			for (let k = 0; k < size; k += 4) {
				const point = view.getUint32(at + k, little);
				text += point <= 0x10ffff ? String.fromCodePoint(point) : '\ufffd';
			}
			return text.replace(/\0+$/, '');
		},
		text: value => value,
		number: null,
	};
}

/** Elements without a meaning that the page knows: their bytes. */
function opaque(size) {
	const hex = byte => byte.toString(16).padStart(2, '0');
	return { ...bytes(size), text: value => Array.from(value, hex).join(' ') };
}

const SHOWN_OF_FIELD = 8;

function fieldText({ offset, shape, layout }, view, at) {
	const one = k => layout.text(layout.read(view, at + offset + k * layout.itemsize));
	if (shape.length === 0) return one(0);
	const count = product(shape);
	const shown = Array.from({ length: Math.min(count, SHOWN_OF_FIELD) }, (_, k) => one(k));
	return `[${shown.join(', ')}${count > SHOWN_OF_FIELD ? ', …' : ''}]`;
}

/** The layout of the elements of an array, from its meta.json. */
function layoutOfMeta({ dtype, dtype_name: name, itemsize, scale, fields: listed }) {
	if (!listed) return layoutOf(dtype, name, scale);
	const fields = listed.map(field => ({ ...field, layout: layoutOf(field.dtype, field.dtype_name, field.scale) }));
	const read = (view, at) => fields.map(field => fieldText(field, view, at));
	return { itemsize, fields, read, text: texts => `(${texts.join(', ')})`, number: null };
}

function product(lengths) {
	return lengths.reduce((a, b) => a * b, 1);
}
