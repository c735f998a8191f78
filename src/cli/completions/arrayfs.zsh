
# The names that `arrayfs --complete $1 $2` prints and that begin as the typed word does.
_arrayfs_names() {
    local typed=$3
    local -a names
    names=(${(f)"$(arrayfs --complete "$1" "$2" 2>/dev/null)"})
    names=(${(M)names:#${(b)typed}*})
    # What is typed up to the last slash stays.
    if compset -P '*/'; then
        names=("${(@)names#${(b)typed%/*}/}")
    fi
    compadd -- "${names[@]}"
}

# What the typed word $1 stands for: without quotes, and with the home directory in place of ~.
_arrayfs_plain() {
    local word=${(Q)1}
    [[ $1 != '~/'* ]] || word=$HOME${word#'~'}
    print -r -- $word
}

# The mount points of arrays.
_arrayfs_mounts() {
    local typed="$(_arrayfs_plain "$PREFIX")"
    [[ $PREFIX != -* ]] || compadd -- --all
    _arrayfs_names mount "$typed" "$typed"
}

# The arrays of the file.
_arrayfs_arrays() {
    [[ -z $line[1] ]] || _arrayfs_names array "$(_arrayfs_plain "$line[1]")" "${(Q)PREFIX}"
}

# Mount options.
_arrayfs_mount_options() {
    compset -P '*,'
    compadd -S '' -- @MOUNT_OPTIONS@
}
