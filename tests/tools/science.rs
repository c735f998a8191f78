//! Programs for arrays and tables. They use files with a header, text files, and extended
//! attributes.

use crate::case::{Case, fails, works};
use crate::table::behave;

#[rustfmt::skip]
pub fn cases() -> Vec<Case> {
    let python = |script: &str| format!("python3 -c 'import numpy as np; {script}'");
    let duckdb = |query: &str| format!("python3 -c 'import duckdb; print(duckdb.sql(\"{query}\").fetchall())'");
    let r = |script: &str| format!("Rscript --vanilla -e '{script}'");
    let zarr = |script: &str| format!("python3 -W ignore -c 'import zarr, zarr.storage; {script}'");
    let tensorstore = |script: &str| format!("python3 -c 'import tensorstore; a = tensorstore.open({{\"driver\": \"zarr3\", \"kvstore\": \"file://\" + __import__(\"os\").path.abspath(\"m/zarr/\")}}).result(); {script}'");
    let xattr = &["--xattr"];
    vec![
        works("numpy.load", python("print(np.load(\"m/npy/data.npy\"), np.load(\"m/T/npy/rows/3.npy\"))")),
        works("numpy.load", python("print([np.load(\"m/npy/rows/3.npy\", mmap_mode=mode) for mode in (\"r\", \"r+\", \"c\")])")),
        works("numpy.load", python("a = np.load(\"m/npy/cols/3.npy\", mmap_mode=\"r+\"); a[2] = 7; a.flush()")).changes(&["npy/cols/3.npy"]),
        works("numpy.load", "cp -r m/npy/rows rows && ".to_owned() + &python("print([np.load(f\"rows/{i}.npy\") for i in range(6)])")),
        works("numpy.save", python("np.save(\"m/npy/rows/3.npy\", np.load(\"m/npy/rows/4.npy\"))")).changes(&["npy/rows/3.npy"]),
        works("numpy.save", python("a = np.load(\"m/npy/data.npy\") ^ 1; np.save(open(\"m/npy/data.npy\", \"wb\"), a)")).changes(&["npy/data.npy"]),
        fails("numpy.save", python("np.save(\"m/npy/rows/3.npy\", np.zeros(24))"), 1, "Invalid argument"),
        fails("numpy.save", python("np.save(\"m/npy/rows/3.npy\", np.zeros(23, \"u1\"))"), 1, "Invalid argument"),
        fails("numpy.save", python("np.save(\"m/npy/rows/6.npy\", np.zeros(24, \"u1\"))"), 1, "Operation not permitted"),
        works("numpy.memmap", python("a = np.memmap(\"m/rows/3\", mode=\"r+\"); a[2] = 65; a.flush()")).changes(&["rows/3"]),
        works("numpy.memmap", python("print(bytes(np.memmap(\"m/cols/3\", mode=\"w+\", shape=6)))")).prints("b'lidsae'\n"),
        works("joblib", python("from joblib import Parallel, delayed; a = np.load(\"m/npy/rows/3.npy\", mmap_mode=\"r+\"); Parallel(2)(delayed(a.__setitem__)(i, 65 + i) for i in range(9)); a.flush()")).changes(&["npy/rows/3.npy"]),
        works("zarr-python", zarr("print(zarr.open(\"m/zarr\", mode=\"r\")[:], zarr.open(\"m/T/zarr\", mode=\"r\")[3])")),
        works("zarr-python", zarr("zarr.open(\"m/zarr\", mode=\"r+\")[2] = 65")).changes(&["zarr/0.0"]),
        works("zarr-python", zarr("zarr.config.set({\"array.write_empty_chunks\": True}); zarr.open(\"m/zarr\", mode=\"r+\")[:] = 0")).changes(&["zarr/0.0"]),
        fails("zarr-python", zarr("zarr.open(\"m/zarr\", mode=\"r+\")[:] = 0"), 1, "Operation not permitted"),
        fails("zarr-python", zarr("zarr.open(\"m/zarr\", mode=\"w\", shape=(6, 24), dtype=\"u1\")"), 1, "Operation not permitted"),
        works("tensorstore", tensorstore("print(a.read().result())")),
        works("tensorstore", tensorstore("a[2].write(65).result()")).changes(&["zarr/0.0"]),
        fails("tensorstore", tensorstore("a.write(0).result()"), 1, "Operation not permitted"),
        works("dask", "python3 -W ignore -c 'import dask.array; print(dask.array.from_zarr(\"m/zarr\").sum(0).compute())'"),
        works("ome-zarr", "python3 -W ignore -c 'from ome_zarr.io import parse_url; from ome_zarr.reader import Reader; print([a.compute() for a in next(iter(Reader(parse_url(\"m/ome.zarr\"))())).data])'"),
        works("feh", "feh --list m/tiff/data.tif && feh --loadable m/tiff/data.tif"),
        works("gfortran", format!("echo '{FORTRAN}' > a.f90 && gfortran a.f90 -o a && ./a")).changes(&["rows/3"]),
        works("cp", "cp m/npy/rows/4.npy m/npy/rows/3.npy").changes(&["npy/rows/3.npy"]),
        fails("cp", "cp m/npy/cols/4.npy m/npy/rows/3.npy", 1, "Invalid argument"),
        fails("cp", "cp m/csv/rows/4.csv m/csv/rows/3.csv", 1, "Permission denied"),
        works("awk", "awk -F, '{ sum += $1 } END { print NR, NF, sum }' m/csv/data.csv"),
        works("sort", "sort -t, -k 4n m/csv/data.csv"),
        works("DuckDB", duckdb("select count(*), sum(column00), max(column23) from read_csv(\\\"m/csv/data.csv\\\", header=false)").replace("\\\"", "\\x27")),
        works("DuckDB", duckdb("select * from read_csv(\\\"m/csv/cols/3.csv\\\", header=false)").replace("\\\"", "\\x27")),
        works("DuckDB", duckdb("select count(*), sum(c0), max(c23) from \\x27m/parquet/data.parquet\\x27")),
        works("pyarrow", "python3 -c 'import pyarrow as pa; t = pa.ipc.open_file(pa.memory_map(\"m/arrow/data.arrow\")).read_all(); print(t.shape, t[\"c3\"], pa.total_allocated_bytes())'"),
        works("pandas", "python3 -c 'import pandas; print(pandas.read_parquet(\"m/parquet/data.parquet\"), pandas.read_feather(\"m/arrow/data.arrow\"))'"),
        works("polars", "python3 -c 'import polars; print(polars.read_parquet(\"m/parquet/data.parquet\"), polars.scan_ipc(\"m/arrow/data.arrow\").sum().collect())'"),
        works("pandas", "python3 -c 'import pandas; x = pandas.read_csv(\"m/csv/data.csv\", header=None).iloc[:, :-1]; print(set(map(str, x.dtypes)), x.values.sum())'"),
        works("polars", "python3 -c 'import polars; x = polars.read_csv(\"m/csv/data.csv\", has_header=False)[:, :-1]; print(set(x.dtypes), x.to_numpy().sum())'"),
        works("mlr", "mlr --icsv --implicit-csv-header --ojson stats1 -a sum,max -f 1,24 m/csv/data.csv"),
        works("sqlite3", "sqlite3 :memory: \"create table t(a integer, b text)\" \".mode csv\" \".import m/csv/rows/3.csv t\" \"select count(*), sum(a), max(a) from t\""),
        works("numpy.loadtxt", python("print(np.loadtxt(\"m/csv/data.csv\", \"u1\", delimiter=\",\", usecols=range(24)))")),
        fails("numpy.loadtxt", python("np.loadtxt(\"m/csv/data.csv\", delimiter=\",\")"), 1, "could not convert string"),
        works("numpy.genfromtxt", python("print(np.genfromtxt(\"m/csv/data.csv\", \"u1\", delimiter=\",\", usecols=range(24)))")),
        works("R", r("x <- read.csv(\"m/csv/data.csv\", header = FALSE)[, 1:24]; cat(dim(x), sum(x), x[6, 24])")),
        works("R", r("cat(read.csv(\"m/csv/rows/3.csv\", header = FALSE)[[1]]); cat(readBin(\"m/cols/3\", \"integer\", 6, size = 1))")),
        works("getfattr", "getfattr -d m/rows/3").mounted_with(xattr).prints(ATTRIBUTES),
        works("getfattr", "getfattr --only-values -n user.shape m").mounted_with(xattr).prints("(6, 24)"),
        fails("getfattr", "getfattr -d m/rows/3", 1, "Operation not supported"),
        works("ls", "ls -l m/rows | wc -l").mounted_with(xattr),
        works("cp -a, into the mount", "cp -a new m/rows/3 && cp -a m/rows/4 m/rows/5").mounted_with(xattr).changes(&["rows/3", "rows/5"]),
    ]
}

const ATTRIBUTES: &str = "\
# file: m/rows/3
user.dtype=\"|u1\"
user.itemsize=\"1\"
user.ndim=\"1\"
user.shape=\"(24,)\"
user.size=\"24\"

";

/// Writes the second record of a file that has one; of ordinary files it makes longer ones.
const FORTRAN: &str = "
    integer :: failed
    open(10, file=\"m/rows/3\", access=\"direct\", recl=24, form=\"unformatted\", status=\"old\")
    write(10, rec=1) \"of the first record\"
    write(10, rec=2, iostat=failed) \"of the second record\"
    if (failed == 0) close(10, iostat=failed)
    print *, failed
    end";

#[test]
#[cfg_attr(arrayfs_portable, ignore = "views cannot be mapped shared portably")]
fn programs_that_know_arrays_and_tables_find_them() {
    behave("text", &cases());
}
