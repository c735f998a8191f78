//! Tests of the table of scratch files, and of the move of one file.

use super::super::attr::AttributeChange;
use super::*;
use crate::tree::Tree;
use crate::vfile::VirtualFile;

const OWNER: Owner = Owner {
    uid: 1,
    gid: 2,
    mode: 0o640,
};

fn files(numbers: u64, limit: u64) -> ScratchFiles {
    ScratchFiles::new(100..100 + numbers, limit)
}

fn create(files: &ScratchFiles, name: &str, now: Instant) -> Result<u64, FsError> {
    let file = files.create(7, OsStr::new(name), OWNER, now)?;
    Ok(file.inode())
}

fn find(files: &ScratchFiles, directory: u64, name: &str) -> Option<u64> {
    let file = files.find(directory, OsStr::new(name))?;
    Some(file.inode())
}

#[test]
fn names_are_of_one_directory_and_are_taken_once() {
    let files = files(10, 1 << 20);
    let now = Instant::now();
    let inode = create(&files, "a", now).unwrap();
    assert_eq!(find(&files, 7, "a"), Some(inode));
    assert_eq!((find(&files, 8, "a"), find(&files, 7, "b")), (None, None));
    assert!(matches!(create(&files, "a", now), Err(FsError::Exists)));
    files.remove(inode);
    assert_eq!(find(&files, 7, "a"), None);
    assert!(create(&files, "a", now).unwrap() != inode);
}

#[test]
fn a_removed_file_stays_while_it_is_open() {
    let files = files(10, 1 << 20);
    let inode = create(&files, "a", Instant::now()).unwrap();
    let file = files.opened(inode).unwrap();
    file.write(0, b"bytes").unwrap();
    drop(file);
    files.remove(inode);
    let (file, links) = files.get(inode).unwrap();
    let mut bytes = [0; 5];
    assert_eq!((file.read(0, &mut bytes).unwrap(), links), (5, 0));
    assert_eq!(&bytes, b"bytes");
    drop(file);
    files.released(inode);
    assert!(files.get(inode).is_none());
    assert_eq!(files.usage(), (0, 0));
    assert!(matches!(files.opened(inode), Err(FsError::Stale)));
}

#[test]
fn closed_files_end_after_their_lifetime_and_open_ones_never() {
    let files = files(10, 1 << 20);
    let start = Instant::now();
    let closed = create(&files, "closed", start).unwrap();
    let open = create(&files, "open", start).unwrap();
    let file = files.opened(open).unwrap();
    file.write(0, b"x").unwrap();
    let margin = Duration::from_secs(1);
    let left = files.expire(start + LIFETIME - margin);
    assert_eq!(left, Some(margin));
    assert_eq!(files.usage().0, 2);
    assert_eq!(files.expire(start + LIFETIME), None);
    assert!(files.get(closed).is_none() && find(&files, 7, "closed").is_none());
    assert_eq!(find(&files, 7, "open"), Some(open));
    drop(file);
    // The look-up was a use.
    files.released(open);
    assert!(
        files
            .expire(Instant::now())
            .is_some_and(|left| left > LIFETIME - margin)
    );
    // The next file that is made ends those that are due.
    create(&files, "next", Instant::now() + LIFETIME).unwrap();
    assert_eq!(find(&files, 7, "open"), None);
    assert_eq!(files.usage(), (1, 0));
}

#[test]
fn the_number_of_files_is_limited_and_numbers_are_used_again_last() {
    let files = files(MAX_FILES as u64 + 2, 1 << 20);
    let now = Instant::now();
    for k in 0..MAX_FILES {
        assert_eq!(create(&files, &k.to_string(), now).unwrap(), 100 + k as u64);
    }
    assert!(matches!(create(&files, "more", now), Err(FsError::NoSpace)));
    files.remove(100);
    files.remove(102);
    let last = 100 + MAX_FILES as u64;
    for (name, expected) in [("a", last), ("b", last + 1)] {
        assert_eq!(create(&files, name, now).unwrap(), expected);
    }
    files.remove(last);
    assert_eq!(create(&files, "c", now).unwrap(), 100);
}

/// A scratch file of the bytes `abcdefgh`, and a file of the array that has `ABCDEFGH`.
fn move_of_eight_bytes() -> (ScratchFiles, Arc<ScratchFile>, Arc<Target>) {
    let files = files(10, 1 << 20);
    let inode = create(&files, "a", Instant::now()).unwrap();
    let file = files.opened(inode).unwrap();
    file.write(0, b"abcdefgh").unwrap();
    let array = VirtualFile::literal(b"ABCDEFGH"[..].into());
    (files, file, Arc::new(Target::new(Tree::ROOT, array, None)))
}

fn contents(file: &ScratchFile) -> String {
    let mut bytes = [b'-'; 9];
    let count = file.read(0, &mut bytes).unwrap();
    String::from_utf8(bytes[..count].into()).unwrap()
}

#[test]
fn during_a_move_each_byte_is_in_one_place() {
    let (files, file, target) = move_of_eight_bytes();
    assert!(!file.begin_move(&target).unwrap());
    let mut written = Vec::new();
    // The array takes three bytes at a time.
    file.step(&mut [0; 5], |at, data| {
        written.push((at, data.to_vec()));
        Ok(data.len().min(3))
    })
    .unwrap();
    let expected = [(0, b"abcde".to_vec()), (3, b"de".to_vec())];
    assert_eq!(written, expected);
    assert_eq!((file.moved(), contents(&file).as_str()), (5, "ABCDEfgh"));
    // A write-back of both parts.
    let Ok(Written::AlsoIn { count, .. }) = file.write(4, b"123") else {
        panic!("bytes in the array are to be written there");
    };
    assert_eq!((count, contents(&file).as_str()), (1, "ABCDE23h"));
    assert!(matches!(file.write(5, b"4"), Ok(Written::InMemory)));
    assert!(matches!(file.fill_pages(), PageFill::In(_)));
    // What a move that fails leaves.
    file.abandon_move();
    assert_eq!((file.moved(), contents(&file).as_str()), (0, "abcd143h"));
    file.begin_move(&target).unwrap();
    file.step(&mut [0; 100], |_, data| Ok(data.len())).unwrap();
    file.finish_move();
    assert_eq!((contents(&file).as_str(), files.usage().1), ("ABCDEFGH", 0));
    assert!(matches!(file.write(0, b"x"), Ok(Written::Became)));
    assert!(matches!(file.begin_move(&target), Err(FsError::Busy)));
}

#[test]
fn a_move_keeps_its_place_when_the_array_cannot_be_written() {
    let (_files, file, target) = move_of_eight_bytes();
    file.fill_pages();
    assert!(file.begin_move(&target).unwrap());
    let mut left = 4;
    let outcome = file.step(&mut [0; 8], |_, data| match left {
        0 => Err(FsError::NoSpace),
        _ => {
            left -= 2;
            Ok(data.len().min(2))
        }
    });
    assert!(matches!(outcome, Err(FsError::NoSpace)));
    assert_eq!((file.moved(), contents(&file).as_str()), (4, "ABCDefgh"));
}

#[test]
fn a_file_of_another_size_does_not_move_and_a_moving_one_keeps_its_size() {
    let (_files, file, target) = move_of_eight_bytes();
    let resize = |size| {
        file.change(&AttributeChange {
            size: Some(size),
            ..AttributeChange::default()
        })
    };
    resize(9).unwrap();
    assert!(matches!(file.begin_move(&target), Err(FsError::Invalid)));
    resize(8).unwrap();
    file.begin_move(&target).unwrap();
    assert!(matches!(file.begin_move(&target), Err(FsError::Busy)));
    assert!(matches!(resize(7), Err(FsError::Busy)));
    assert!(matches!(file.extend(9), Err(FsError::Busy)));
    assert!(matches!(file.write(8, b"x"), Err(FsError::Busy)));
    assert!(resize(8).is_ok() && file.extend(8).is_ok());
}
