
# The mount points of arrays, and the relative ones below this directory.
_arrayfs_mounts() {
    local -a points
    points=(${(f)"$(arrayfs --list 2>/dev/null)"})
    # Blanks are octal escapes, as in \040.
    points=("${(@g:o:)${(@)points[2,-1]}%% *}")
    if [[ $PREFIX == [^/]* ]]; then
        points=("${(@)points#$PWD/}")
    fi
    [[ $PREFIX != -* ]] || compadd -- --all
    compadd -f -- "${points[@]}"
}
