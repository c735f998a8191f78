// ---- Page: what is shown where ----
//
// The part of the address behind # is the path of a directory in the mount.

function hashOf(names) {
	return `#/${names.map(encodeURIComponent).join('/')}`;
}

function namesInHash() {
	const path = location.hash.replace(/^#?\/?/, '');
	// What is no address was typed by hand.
	return path === '' ? [] : path.split('/').map(name => {
		try {
			return decodeURIComponent(name);
		} catch {
			return name;
		}
	});
}

/** The meta.json of the root. Reloading the page reads it again. */
let root = null;

const main = document.getElementById('main');

async function showPage() {
	if (location.protocol === 'file:') return sayHowToServe();
	complain(null);
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
	}
}

function sayHowToServe() {
	const path = decodeURIComponent(location.pathname).replace(/\/[^/]*$/, '') || '/';
	const quoted = `'${path.replaceAll("'", String.raw`'\''`)}'`;
	main.replaceChildren(
		el('p', {}, 'A page on disk cannot read the files beside it: it needs a web server. In a terminal, type'),
		el('pre', {}, `python3 -m http.server --bind 127.0.0.1 -d ${quoted}`),
		el('p', {}, 'and open ', el('a', { href: 'http://127.0.0.1:8000/' }, 'http://127.0.0.1:8000/'), '.'));
}

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

const LISTED = 500;

function groupPage(names, meta) {
	const list = el('tbody');
	const count = el('p.hint', { role: 'status' });
	const filter = el('input', { type: 'search', oninput: () => fill(0) });
	let first = 0;
	const [pages, sayPage] = pager(turned => fill(first + turned * LISTED));
	const fill = from => {
		first = from;
		const wanted = filter.value.toLowerCase();
		const found = meta.arrays.filter(({ name, path }) => `${name}\n${path}`.toLowerCase().includes(wanted));
		const listed = found.slice(first, first + LISTED);
		list.replaceChildren(...listed.map(array => arrayRow(names, array)));
		count.textContent = `${found.length} of ${meta.arrays.length} arrays`;
		pages.hidden = found.length <= LISTED;
		sayPage(first, first + listed.length, found.length);
	};
	fill(0);
	const heads = ['array', 'dtype', 'shape', 'size'].map(text => el(text === 'size' ? 'th.number' : 'th', { scope: 'col' }, text));
	return [
		facts([['file', root.file], ['format', root.format], ['mode', root.mode]]),
		el('div.settings', {}, el('label.field', {}, 'Find', filter), count),
		pages,
		scrolling('Arrays', el('table.list', {}, el('thead', {}, el('tr', {}, heads)), list)),
		...details('Not shown', meta.skipped.map(({ name, why }) => [name, why])),
		...details('Attributes', Object.entries(meta.attributes)),
	];
}

function arrayRow(names, { path, dtype, dtype_name: dtypeName, shape }) {
	const link = el('a', { href: hashOf([...names, ...path.split('/')]) }, path);
	// The name of records is void and their bits.
	const itemsize = typeof dtype === 'string' ? layoutOf(dtype, dtypeName).itemsize : dtypeName.slice(4) / 8;
	return el('tr', {}, el('th', { scope: 'row' }, link), el('td', {}, dtypeText(dtype, dtypeName)),
		el('td', {}, shapeText(shape)), el('td.number', {}, bytesText(product(shape) * itemsize)));
}

// ---- Arrays ----

function arrayPage(names, meta) {
	const array = new MountedArray(names, meta);
	const { layout, ndim } = array;
	if (array.shape.includes(0)) {
		return [el('p', {}, `The array is empty: its shape is ${shapeText(array.shape)}.`), ...arrayFacts(array)];
	}
	if (layout.itemsize > BYTES_OF_PAGE) {
		const more = layout.fields ? ' Its fields are arrays of their own.' : '';
		const text = `An element has ${bytesText(layout.itemsize)}, too much to be shown.${more}`;
		return [el('p', {}, text), ...arrayFacts(array, true)];
	}
	const at = array.shape.map(length => Math.floor((length - 1) / 2));
	const views = {
		picture: () => new Picture(array, at).element,
		plot: () => plotView(array, at),
		table: () => new Table(array).element,
	};
	const kinds = [
		...layout.number && ndim >= 2 ? ['picture'] : [],
		...layout.number && ndim >= 1 ? ['plot'] : [],
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

function arrayFacts({ names, meta, layout, shape }, opensFields = false) {
	const dims = meta.dims?.length ? ` (${meta.dims.map(dim => dim ?? '–').join(', ')})` : '';
	const list = [
		['name', meta.name], ['file', meta.file], ['data file', meta.data_file], ['format', meta.format],
		['dtype', dtypeText(meta.dtype, meta.dtype_name)], ['shape', shapeText(shape) + dims],
		['size', bytesText(meta.nbytes)], ['order', meta.order], ['offset', String(meta.offset)],
		['mode', meta.mode],
		['scale', meta.scale && scaleText(meta.scale)],
	];
	const files = ['data', 'meta.json'].flatMap(name => [el('a', { href: addressOf([...names, name]) }, name), ' ']);
	const fields = (layout.fields ?? []).map((field, k) => [
		fieldLink({ names }, field, k),
		dtypeText(field.dtype, field.dtype_name) + (field.shape.length ? `, shape ${shapeText(field.shape)}` : '')
			+ (field.scale ? `; ${scaleText(field.scale)}` : ''),
	]);
	return [
		facts([...list.filter(([, value]) => value), ['files', files]]),
		...details('Fields', fields, opensFields),
		...details('Attributes', Object.entries(meta.attributes ?? {})),
	];
}

function scaleText({ slope, intercept }) {
	return `values are ${slope} × what is stored + ${intercept}`;
}

function plotView(array, at) {
	const sliders = new IndexSliders(array, at, () => profile.show());
	const onPick = (axis, index) => {
		at[axis] = index;
		profile.line.mark(index);
	};
	const onAxis = () => sliders.show(array.axes.filter(axis => axis !== profile.along));
	const along = array.shape.indexOf(Math.max(...array.shape));
	const profile = new Profile(array, at, along, { onPick, onAxis });
	onAxis();
	profile.show();
	return el('div', {}, sliders.element, profile.element);
}

// ---- Facts ----

function facts(list) {
	return el('dl.facts', {}, list.flatMap(([name, value]) => [
		el('dt', {}, name), el('dd', {}, value),
	]));
}

function details(title, entries, open = false) {
	if (entries.length === 0) return [];
	const text = value => value instanceof Node || typeof value === 'string' ? value : JSON.stringify(value);
	const list = facts(entries.map(([name, value]) => [name, text(value)]));
	return [el('details', { open }, el('summary', {}, `${title}: ${entries.length}`), list)];
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
