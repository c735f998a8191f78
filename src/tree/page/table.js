// ---- Table: values as text, a page at a time ----

const ROWS_OF_PAGE = 50;
const COLS_OF_PAGE = 20;
const BYTES_OF_PAGE = 2 ** 20;
const LONGEST_TEXT = 200;

class Table {
	constructor(array) {
		this.array = array;
		// The page begins at these indices.
		this.at = array.shape.map(() => 0);
		this.newest = new Newest();
		const { ndim, layout } = array;
		this.cols = ndim < 2 || layout.fields ? null : ndim - 1;
		this.rows = ndim === 0 ? null : this.cols === null ? 0 : ndim - 2;
		const elements = Math.floor(BYTES_OF_PAGE / Math.max(1, layout.itemsize));
		this.colsOfPage = this.cols === null ? 1 : Math.min(COLS_OF_PAGE, elements);
		this.rowsOfPage = Math.min(ROWS_OF_PAGE, Math.floor(elements / this.colsOfPage));
		this.sliders = new IndexSliders(array, this.at, () => this.load());
		const [pages, sayPage] = pager(pages => this.turn(pages));
		this.sayPage = sayPage;
		this.source = el('p.source');
		this.table = el('table');
		this.element = el('div', {}, this.sliders.element, pages, this.source,
			scrolling('Table', this.table));
		const fits = { [this.rows]: this.rowsOfPage, [this.cols]: this.colsOfPage };
		this.sliders.show(array.axes.filter(axis => array.shape[axis] > (fits[axis] ?? 0)));
		this.load();
	}

	turn(pages) {
		const last = this.array.shape[this.rows] - 1;
		this.at[this.rows] = Math.min(last, Math.max(0, this.at[this.rows] + pages * this.rowsOfPage));
		this.sliders.refresh();
		this.load();
	}

	load() {
		const { array, rows, cols } = this;
		const parts = [...this.at];
		// What is no axis has one index.
		const part = (axis, count) => {
			if (axis === null) return new Range(0, 1);
			parts[axis] = new Range(this.at[axis], Math.min(array.shape[axis], this.at[axis] + count));
			return parts[axis];
		};
		const [r, c] = [part(rows, this.rowsOfPage), part(cols, this.colsOfPage)];
		this.newest.run(async () => {
			const slice = await array.slice(parts);
			this.show(slice, r, c);
			this.source.replaceChildren('Values of ', fileLink(array, parts));
			this.sayPage(r.start, r.stop, rows === null ? 1 : array.shape[rows]);
		});
	}

	show(slice, r, c) {
		const { array, cols } = this;
		const { fields } = array.layout;
		const each = (count, make) => Array.from({ length: count }, (_, k) => make(k));
		const align = layout => ({ className: layout.number && !layout.tick ? 'number' : '' });
		const columns = fields
			? fields.map((field, k) => [align(field.layout), fieldLink(array, field, k)])
			: each(c.count, j => [align(array.layout), cols === null ? 'value' : `${c.index(j)}`]);
		const texts = i => fields ? slice.value(i) : each(c.count, j => slice.text(i * c.count + j));
		const cut = text => text.length > LONGEST_TEXT ? `${text.slice(0, LONGEST_TEXT)}…` : text;
		const row = i => el('tr', {}, el('th', { scope: 'row' }, `${r.index(i)}`),
			texts(i).map((text, k) => el('td', columns[k][0], cut(text))));
		this.table.replaceChildren(
			el('thead', {}, el('tr', {}, el('th', { scope: 'col' }, 'index'),
				columns.map(([style, head]) => el('th', { scope: 'col', ...style }, head)))),
			el('tbody', {}, each(r.count, row)));
	}
}

function fieldLink(array, field, position) {
	const names = [...array.names, 'fields', fieldDirectory(position, field.name)];
	return el('a', { href: hashOf(names) }, field.name || '(no name)');
}
