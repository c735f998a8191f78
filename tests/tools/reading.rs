//! Tools that read whole files or parts of them: contiguous rows and strided columns.

use crate::case::{Case, fails, works};
use crate::table::behave;

#[rustfmt::skip]
pub fn cases() -> Vec<Case> {
    vec![
        works("cat", "cat m/rows/3"),
        works("cat", "cat m/cols/3 m/axes/1/4"),
        works("cat", "cat m/data m/T/data m/rows/* m/T/rows/*"),
        works("cat", "cat m/meta.json"),
        fails("cat", "cat m/rows/6", 1, "No such file or directory"),
        works("head -c, tail -c", "head -c 5 m/rows/3; head -c -5 m/rows/3; head -c 5 m/cols/3; head -c -5 m/cols/3"),
        works("head -c, tail -c", "tail -c 5 m/rows/3; tail -c +5 m/rows/3; tail -c 5 m/cols/3; tail -c +5 m/cols/3"),
        works("head -c, tail -c", "head -c 50 m/data; tail -c 50 m/data; head -n 2 m/data; tail -n 2 m/data; head -c 50 m/T/data; tail -c 50 m/T/data"),
        works("tail -f", "timeout 0.3 tail -f m/rows/3; test $? = 124"),
        works("tail -f", "timeout 0.3 tail -f m/rows/3 & sleep 0.1; printf 0123 1<> m/rows/3; wait").changes(&["rows/3"]),
        works("git add, git diff", "git init -q r && git --git-dir=r/.git --work-tree=m add rows cols/3 && git --git-dir=r/.git ls-files -s"),
        works("git add, git diff", "git diff --no-index m/rows/3 m/rows/4 || test $? = 1"),
        works("cmp, diff", "cmp m/rows/3 m/axes/0/3 && cmp m/T/rows/3 m/cols/3"),
        works("cmp, diff", "cmp m/rows/3 m/rows/4 || test $? = 1"),
        works("cmp, diff", "cmp -n 1 m/rows/3 m/rows/4; cmp -i 2:2 -b m/cols/3 m/cols/4; cmp -i 24:0 -n 24 m/data m/rows/1"),
        works("cmp, diff", "diff m/rows/3 m/rows/4; diff -r m m"),
        works("md5sum", "md5sum m/data m/T/data m/rows/* m/cols/*"),
        works("md5sum", "find m -type f | sort | xargs md5sum > sums && md5sum -c sums"),
        works("xxd", "xxd m/rows/3 && xxd -s 3 -l 2 m/cols/3"),
        works("xxd -r", "echo '5: 41 42' | xxd -r - m/rows/4").changes(&["rows/4"]),
        works("od, hexdump", "od -A d -t x1 -j 3 -N 2 m/cols/3 && od -c m/T/data"),
        works("od, hexdump", "hexdump -C m/rows/3 && hexdump -C -s 3 -n 2 m/cols/3"),
        works("less", "less m/rows/3; less +/sit m/data"),
        works("grep", "grep -b s m/data; grep -c . m/cols/3; grep -rl sit m | sort"),
        works("awk", "awk '{ print $2, $1 }' m/data"),
        works("awk", "awk '{ printf \"%-23s\\n\", toupper($0) }' m/rows/2 > upper && cp upper m/rows/3").changes(&["rows/3"]),
        works("sort", "sort -k 2 m/data"),
        works("sort", "sort -k 2 m/data > sorted && cp sorted m/data").changes(&["data"]),
        works("sort -o", "sort -k 2 -o m/data m/data").changes(&["data"]),
        works("split", "split -b 5 m/cols/3 part. && split -n 4 m/data part.data. && grep -a '' part.*"),
        works("split, into the mount", "split -b 5 m/rows/3 m/rows/part. && cat m/rows/part.aa m/rows/part.ae"),
        works("file", "file m/data m/rows/3 m/rows m/meta.json"),
        works("wc", "wc m/data m/rows/3 m/cols/3"),
        works("ls", "ls m m/rows m/cols m/axes; ls -A m/T/axes/1; ls -f m/rows | sort"),
        works("ls", "ls -lin m/rows | tail -n +2 | awk '{ print $2, $3, $4, $5, $6, $10 }'"),
        works("stat", "stat -c '%n %F %s %h %a %u %g %Y' m/rows/3 m/cols/3 m/data; stat -c '%n %F %a' m m/rows m/axes/1"),
        works("stat", "stat -c '%n %b %B %o' m/data m/cols/3").prints("m/data 1 512 4096\nm/cols/3 1 512 4096\n"),
        works("find", "find m | sort; find m -type f -size -24c | sort"),
        works("find", "find m/rows -newer new; find m/rows ! -newer new | sort; find m/cols -name '1?' -exec cat {} +"),
        fails("find -delete", "find m -delete", 1, "Operation not permitted"),
        works("du", "du -b m/data m/cols/3; du -bl m/rows/* m/cols/*"),
        works("du", "du -sb m/rows m/cols m/T/rows").prints("144\tm/rows\n144\tm/cols\n144\tm/T/rows\n"),
        works("df", "df --block-size=1 --output=fstype,size,used,avail,pcent m | tail -n 1 | tr -s ' '").prints("fuse.arrayfs 512 512 0 100%\n"),
    ]
}

#[test]
fn tools_that_read_find_what_numpy_has() {
    behave("text", &cases());
}
