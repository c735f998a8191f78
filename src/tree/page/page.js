// ---- Page: what is shown where ----
//
// The part of the address behind # is the path of a directory in the mount.

function hashOf(names) {
	return `#/${names.map(encodeURIComponent).join('/')}`;
}

function namesInHash() {
	const path = location.hash.replace(/^#?\/?/, '');
	return path === '' ? [] : path.split('/').map(decodeURIComponent);
}

/** The meta.json of the root. Reloading the page reads it again. */
let root = null;

const main = document.getElementById('main');

async function showPage() {
	if (location.protocol === 'file:') {
		sayHowToServe();
		return;
	}
	complain(null);
	main.setAttribute('aria-busy', 'true');
	try {
		const names = namesInHash();
		root ??= await fetchMeta([]);
		const meta = names.length ? await fetchMeta(names) : root;
		// The address can have changed in the meantime.
		if (hashOf(names) !== hashOf(namesInHash())) return;
		showPath(names);
		main.replaceChildren(...(meta.arrays ? groupPage(names, meta) : arrayPage(names, meta)));
	} catch (error) {
		main.replaceChildren();
		complain(error);
	} finally {
		main.setAttribute('aria-busy', 'false');
	}
}

/** A page that is opened from disk cannot read the files beside it. */
function sayHowToServe() {
	const path = decodeURIComponent(location.pathname).replace(/\/[^/]*$/, '') || '/';
	const quoted = `'${path.replaceAll("'", String.raw`'\''`)}'`;
	main.replaceChildren(
		el('h1', {}, 'This page needs a web server'),
		el('p', {}, 'A browser does not let a page on disk read the files beside it. In a terminal, type'),
		el('pre', {}, `python3 -m http.server --bind 127.0.0.1 -d ${quoted}`),
		el('p', {}, 'and open ', el('a', { href: 'http://127.0.0.1:8000/' }, 'http://127.0.0.1:8000/'), '.'));
}

/** Shows the way from the file to the directory, with links to what is above it. */
function showPath(names) {
	const file = root.file.split('/').pop();
	const crumbs = [[file, []]];
	for (const [k, name] of names.entries()) crumbs.push([name, names.slice(0, k + 1)]);
	const items = crumbs.map(([name, path], k) => {
		const isHere = k === crumbs.length - 1;
		// The directory of all fields of an array is no page.
		const content = isHere || name === 'fields' ? name : el('a', { href: hashOf(path) }, name);
		return el('li', isHere ? { ariaCurrent: 'page' } : {}, content);
	});
	document.getElementById('path').replaceChildren(el('ol', {}, items));
	document.title = `${names.join('/') || file} – arrayfs`;
}

// ---- Groups ----

/** The most arrays that a list shows. */
const LISTED = 500;

function groupPage(names, meta) {
	const list = el('tbody');
	const count = el('p.hint', { role: 'status' });
	const filter = el('input', { type: 'search', oninput: () => fill() });
	const fill = () => {
		const wanted = filter.value.toLowerCase();
		const found = meta.arrays.filter(({ name, path }) => `${name}\n${path}`.toLowerCase().includes(wanted));
		list.replaceChildren(...found.slice(0, LISTED).map(array => arrayRow(names, array)));
		const most = found.length > LISTED ? `, the first ${LISTED} are listed` : '';
		count.textContent = `${found.length} of ${meta.arrays.length} arrays${most}`;
	};
	fill();
	const heads = ['array', 'dtype', 'shape', 'size'].map(text => el(text === 'size' ? 'th.number' : 'th', { scope: 'col' }, text));
	return [
		facts([['file', root.file], ['format', root.format], ['mode', root.mode]]),
		el('div.settings', {}, el('label.field', {}, 'Find', filter), count),
		scrolling('Arrays', el('table.list', {}, el('thead', {}, el('tr', {}, heads)), list)),
		...details('Not shown', meta.skipped.map(({ name, why }) => [name, why])),
		...details('Attributes', Object.entries(meta.attributes)),
	];
}

function arrayRow(names, { path, dtype, dtype_name: dtypeName, shape }) {
	const parts = path.split('/');
	// The groups on the way to the array are pages too.
	const links = parts.flatMap((part, k) => {
		const link = el('a', { href: hashOf([...names, ...parts.slice(0, k + 1)]) }, part);
		return k ? ['/', link] : [link];
	});
	const bytes = product(shape) * layoutOf(dtype, dtypeName).itemsize;
	const size = typeof dtype === 'string' ? bytesText(bytes) : '';
	return el('tr', {}, el('th', { scope: 'row' }, links), el('td', {}, dtypeText(dtype, dtypeName)),
		el('td', {}, shapeText(shape)), el('td.number', {}, size));
}

// ---- Arrays ----

function arrayPage(names, meta) {
	const array = new MountedArray(names, meta);
	const { layout, isNumeric, ndim } = array;
	if (array.shape.includes(0)) {
		const text = `The array is empty: its shape is ${shapeText(array.shape)}.`;
		return [el('p', {}, text), ...arrayFacts(array)];
	}
	const at = array.shape.map(length => Math.floor((length - 1) / 2));
	const views = {
		picture: () => new Picture(array, at).element,
		plot: () => plotView(array, at),
		table: () => new Table(array).element,
		value: () => valueView(array),
	};
	const kinds = ndim === 0 && !layout.fields ? ['value'] : [
		...isNumeric && ndim >= 2 ? ['picture'] : [],
		...isNumeric && ndim >= 1 ? ['plot'] : [],
		'table',
	];
	const place = el('section', { 'aria-label': 'Values' });
	const show = kind => place.replaceChildren(views[kind]());
	show(kinds[0]);
	const options = kinds.map(kind => [kind, kind[0].toUpperCase() + kind.slice(1)]);
	const choices = tabs('View', options, kinds[0], show);
	choices.hidden = kinds.length === 1;
	return [choices, place, ...arrayFacts(array)];
}

function arrayFacts({ names, meta, layout, shape }) {
	const dims = meta.dims?.length ? ` (${meta.dims.map(dim => dim ?? '–').join(', ')})` : '';
	const list = [
		['name', meta.name], ['file', meta.file], ['data file', meta.data_file], ['format', meta.format],
		['dtype', dtypeText(meta.dtype, meta.dtype_name)], ['shape', shapeText(shape) + dims],
		['size', bytesText(meta.nbytes)], ['order', meta.order], ['offset', String(meta.offset)],
		['mode', meta.mode],
		['scale', meta.scale && `value × ${meta.scale.slope} + ${meta.scale.intercept}; shown as stored`],
	];
	const files = ['data', 'meta.json'].flatMap(name => [el('a', { href: addressOf([...names, name]) }, name), ' ']);
	const fields = (layout.fields ?? []).map((field, k) => [
		fieldLink({ names }, field, k),
		dtypeText(field.dtype) + (field.shape.length ? `, shape ${shapeText(field.shape)}` : ''),
	]);
	return [
		facts([...list.filter(([, value]) => value), ['files', files]]),
		...details('Fields', fields),
		...details('Attributes', Object.entries(meta.attributes ?? {})),
	];
}

/** One axis as a line, with sliders for the others. */
function plotView(array, at) {
	let along = array.shape.indexOf(Math.max(...array.shape));
	const sliders = new IndexSliders(array, at, () => show());
	const profile = new Profile(array, (axis, index) => {
		at[axis] = index;
		profile.line.mark(index);
	});
	const show = () => profile.show(along, [...at]);
	const changeAxis = value => {
		along = Number(value);
		sliders.show(array.axes.filter(axis => axis !== along));
		show();
	};
	changeAxis(along);
	const choices = choice('Plot along', axisOptions(array, array.axes), along, changeAxis);
	choices.hidden = array.ndim === 1;
	return el('div', {}, el('div.settings', {}, choices), sliders.element, profile.element);
}

/** The only element of a 0-d array. */
function valueView(array) {
	const output = el('output.value');
	new Newest().run(async () => {
		const slice = await array.slice([]);
		output.textContent = slice.text(0) + array.scaledText(slice.value(0));
	});
	return el('p', {}, 'The array has no axes, and one value: ', output);
}

// ---- Facts ----

function facts(list) {
	return el('dl.facts', {}, list.flatMap(([name, value]) => [
		el('dt', {}, name), el('dd', {}, value),
	]));
}

/** A list that can be opened; nothing if it is empty. */
function details(title, entries) {
	if (entries.length === 0) return [];
	const text = value => value instanceof Node || typeof value === 'string' ? value : JSON.stringify(value);
	const list = facts(entries.map(([name, value]) => [name, text(value)]));
	return [el('details', {}, el('summary', {}, `${title}: ${entries.length}`), list)];
}

function dtypeText(dtype, name) {
	if (typeof dtype !== 'string') return 'record';
	return name && name !== dtype ? `${name} (${dtype})` : dtype;
}

function shapeText(lengths) {
	return lengths.length === 1 ? `(${lengths[0]},)` : `(${lengths.join(', ')})`;
}

matchMedia('(prefers-color-scheme: dark)').onchange = () => {
	for (const canvas of document.querySelectorAll('.chart')) canvas.chart.draw();
};
addEventListener('hashchange', async () => {
	await showPage();
	// The reader of a screen begins at the new content.
	main.focus({ preventScroll: true });
	scrollTo(0, 0);
});
showPage();
