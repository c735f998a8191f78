// Prints a line of JSON for each store whose address is an argument: its shape and its elements in
// C order, as zarrita reads them. The first argument is the directory of the package.

const [directory, ...addresses] = process.argv.slice(2);
const zarr = await import(`${directory}/dist/src/index.js`);

for (const address of addresses) {
  const [version, url] = address.split("=");
  const array = await zarr.open[version](new zarr.FetchStore(url), { kind: "array" });
  const { data, shape, stride } = await zarr.get(array);
  const elements = [...data];
  const values = [];
  const walk = (axis, at) => {
    if (axis === shape.length) {
      values.push(String(Number(elements[at])));
      return;
    }
    for (let index = 0; index < shape[axis]; index++) walk(axis + 1, at + index * stride[axis]);
  };
  walk(0, 0);
  console.log(JSON.stringify({ shape, values }));
}
