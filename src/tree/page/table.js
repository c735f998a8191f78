// ---- Table: values as text, a page at a time ----

const ROWS_OF_PAGE = 50;
const COLS_OF_PAGE = 20;
/** The most bytes of a page. */
const BYTES_OF_PAGE = 2 ** 20;

class Table {
	constructor(array) {
		this.array = array;
		// The page begins at these indices.
		this.at = array.shape.map(() => 0);
		this.newest = new Newest();
		const { ndim, layout } = array;
		this.cols = ndim < 2 || layout.fields ? null : ndim - 1;
		this.rows = ndim === 0 ? null : this.cols === null ? 0 : ndim - 2;
		const each = Math.max(1, layout.itemsize) * (this.cols === null ? 1 : COLS_OF_PAGE);
		this.rowsOfPage = Math.max(1, Math.min(ROWS_OF_PAGE, Math.floor(BYTES_OF_PAGE / each)));
		this.settings = el('div.settings');
		this.sliders = new IndexSliders(array, this.at, () => this.load());
		this.status = el('output');
		this.previous = button('◀', () => this.turn(-1), 'Previous page');
		this.next = button('▶', () => this.turn(1), 'Next page');
		const pager = group('Pages', this.previous, this.next, this.status);
		this.table = el('table');
		this.element = el('div', {}, this.settings, this.sliders.element, pager,
			scrolling('Table', this.table));
		this.showSettings();
		this.load();
	}

	showSettings() {
		const { array, rows, cols } = this;
		const options = axisOptions(array, array.axes);
		const choose = (axis, other) => value => {
			if (Number(value) === this[other]) this[other] = this[axis];
			this[axis] = Number(value);
			this.at.fill(0);
			this.showSettings();
			this.load();
		};
		this.settings.replaceChildren();
		if (array.ndim > 1) {
			this.settings.append(choice('Rows', options, rows, choose('rows', 'cols')));
			if (cols !== null) this.settings.append(choice('Columns', options, cols, choose('cols', 'rows')));
		}
		const fits = { [rows]: this.rowsOfPage, [cols]: COLS_OF_PAGE };
		this.sliders.show(array.axes.filter(axis => array.shape[axis] > (fits[axis] ?? 0)));
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
		const [r, c] = [part(rows, this.rowsOfPage), part(cols, COLS_OF_PAGE)];
		this.newest.run(async () => {
			const slice = await array.slice(parts);
			const isRowsFirst = cols === null || rows < cols;
			this.show(slice, r, c, (i, j) => isRowsFirst ? i * c.count + j : j * r.count + i);
			const length = rows === null ? 1 : array.shape[rows];
			this.status.textContent = `${r.start} to ${r.stop - 1} of ${length}`;
			this.previous.disabled = r.start === 0;
			this.next.disabled = r.stop === length;
		});
	}

	show(slice, r, c, position) {
		const { array, cols } = this;
		const { fields } = array.layout;
		const each = (count, make) => Array.from({ length: count }, (_, k) => make(k));
		const align = layout => ({ className: layout.number && !layout.tick ? 'number' : '' });
		const columns = fields
			? fields.map((field, k) => [align(field.layout), fieldLink(array, field, k)])
			: each(c.count, j => [align(array.layout), cols === null ? 'value' : `${c.index(j)}`]);
		const texts = i => fields ? slice.value(i) : each(c.count, j => slice.text(position(i, j)));
		const row = i => el('tr', {}, el('th', { scope: 'row' }, `${r.index(i)}`),
			texts(i).map((text, k) => el('td', columns[k][0], text)));
		this.table.replaceChildren(
			el('thead', {}, el('tr', {}, el('th', { scope: 'col' }, 'index'),
				columns.map(([style, head]) => el('th', { scope: 'col', ...style }, head)))),
			el('tbody', {}, each(r.count, row)));
	}
}

/** A link to the array of a field. */
function fieldLink(array, field, position) {
	const names = [...array.names, 'fields', fieldDirectory(position, field.name)];
	return el('a', { href: hashOf(names) }, field.name || '(no name)');
}
