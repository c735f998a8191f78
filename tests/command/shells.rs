//! Completions, as the shells themselves complete them in a terminal.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use nix::sys::stat::Mode;

use crate::common::{ARRAYFS, Dir, skip_case};

/// What is typed before TAB, and the arguments that follow, or a command to run. `zqfile.bin` and
/// `zqdata.bin` are files, and `many.npz` is one of two arrays. `zqdir` is a directory, as is MOUNT,
/// on which an array is mounted. `sole` holds a file, and `pair` also a directory.
const CASES: &str = "\
arrayfs zqf => zqfile.bin
arrayfs -f zqf => -f zqfile.bin
arrayfs zqdata.bin zqd => zqdata.bin zqdir
arrayfs zqdata.bin --dtype f8 zqd => zqdata.bin --dtype f8 zqdir
arrayfs --dtype f8 --mode r zqf => --dtype f8 --mode r zqfile.bin
arrayfs zqdata.bin zqdir zqf => zqdata.bin zqdir zqf
arrayfs --dtype zqf => --dtype zqf
arrayfs --dtype float3 => --dtype float32
arrayfs --shape zqf => --shape zqf
arrayfs --offset zqf => --offset zqf
arrayfs --log-file zqf => --log-file zqfile.bin
arrayfs --format net => --format netcdf
arrayfs --format=net => --format=netcdf
arrayfs --mode w => --mode w+
arrayfs --cache al => --cache always
arrayfs --csv pa => --csv padded
arrayfs --inf => --info
arrayfs --passt => --passthrough
arrayfs --generate fi => --generate fish
arrayfs -u  => -u MOUNT
arrayfs -u zq\\  => -u MOUNT
arrayfs --unmount zq\\  => --unmount MOUNT
arrayfs -u MOUNT zqd => -u MOUNT zqd
arrayfs -u --al => -u --all
arrayfs -u ./zq => -u MOUNT
arrayfs -u pair/../zq\\  => -u MOUNT
arrayfs -u ~/../zq => -u MOUNT
arrayfs -u \"zq => -u MOUNT
arrayfs -u 'zq  => -u MOUNT
arrayfs --unmount=zq => --unmount=MOUNT
arrayfs --unmount=pair/../zq => --unmount=MOUNT
arrayfs -u q => -u q
arrayfs -u ./q => -u ./q
arrayfs -o allow_ot => -o allow_other
arrayfs -o ro,dty => -o ro,dtype=
arrayfs -o mode=r zqf => -o mode=r zqfile.bin
arrayfs --dtype x:f4 zqf => --dtype x:f4 zqfile.bin
arrayfs many.npz --array fi => many.npz --array first
arrayfs ./many.npz --array=se => ./many.npz --array=second
arrayfs many.npz --array irs => many.npz --array irs
arrayfs --array fi => --array fi
arrayfs --list zqf => --list zqf
arrayfs --version zqf => --version zqf
cd sole
arrayfs  => one.bin
arrayfs -u zq => -u zq
arrayfs -u q => -u q
arrayfs -u ../zq => -u MOUNT
arrayfs -u ../q => -u ../q
cd ../pair
arrayfs one.bin  => one.bin here
";

/// The name of the mount point. A shell needs quotes for each of its marks.
const MOUNT: &str = r#"zq $m(o)u'n"t\&`"#;

/// The file that each shell loads the completions from, and one that sets its prompt.
const SHELLS: [(&str, &str, &str, &str); 3] = [
    (
        "bash",
        "data/bash-completion/completions/arrayfs",
        "bashrc",
        "PS1='READY>'; bind 'set bell-style none'; . /usr/share/bash-completion/bash_completion\n",
    ),
    (
        "zsh",
        "functions/_arrayfs",
        ".zshrc",
        "PS1='READY>'; fpath=(~/functions $fpath); autoload -U compinit; compinit -u -D\n",
    ),
    (
        "fish",
        "config/fish/completions/arrayfs.fish",
        "config/fish/config.fish",
        "function fish_prompt; printf 'READY>'; end\n",
    ),
];

/// Writes a file in a directory that may not exist.
fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

#[test]
fn shells_offer_files_then_directories_then_nothing_and_live_mounts_to_unmount() {
    // No arrays of others are mounted there.
    let Some(dir) = Dir::on_own_machine() else {
        return;
    };
    let file = dir.file("zqdata.bin", [7; 100]);
    dir.file("zqfile.bin", [7; 100]);
    dir.directory("zqdir");
    for path in ["sole/one.bin", "pair/one.bin", "pair/here/two.bin"] {
        write(&dir.join(path), "");
    }
    let point = dir.directory(MOUNT);
    let program = dir.join("bin/arrayfs");
    let script = format!(
        "#!/bin/sh\ncase $1 in --complete) exec {ARRAYFS} \"$@\";; esac\n\
         {{ printf '%s\\0' \"$@\"; echo; }} >{}/arguments\n",
        dir.path().display()
    );
    write(&program, &script);
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    nix::unistd::mkfifo(&dir.join("arguments"), Mode::S_IRWXU).unwrap();
    write(&dir.join("cases"), CASES);
    dir.arrayfs(&[&file, &point]).run().succeeds_silently();
    for (shell, completions, start, prompt) in SHELLS {
        let is_missing = |path: &str| !Path::new(path).exists();
        let needs = match shell {
            "bash" => "/usr/share/bash-completion/bash_completion".to_owned(),
            shell => format!("/usr/bin/{shell}"),
        };
        if is_missing(&needs) {
            skip_case(shell, &format!("{needs} is not installed"));
            continue;
        }
        let generated = dir.arrayfs(&["--generate", shell]).run().succeeds();
        write(&dir.join("home").join(completions), &generated);
        write(&dir.join("home").join(start), prompt);
        let script = dir.script("command/shells.py");
        let judged = script.args(&[shell.as_ref(), dir.path().as_os_str(), point.as_os_str()]);
        judged.run().succeeds();
    }
    dir.arrayfs(&["-u", MOUNT]).run().succeeds_silently();
}
