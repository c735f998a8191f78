# Completions of arrayfs for bash.
# shellcheck shell=bash
# Words and options are without blanks:
# shellcheck disable=SC2207

# Adds the mount points of arrays that begin with $1, and the relative ones below this directory.
_arrayfs_mounts() {
    local point
    while read -r point _; do
        # Blanks are octal escapes, as in \040.
        printf -v point '%b' "${point//\\/\\0}"
        [[ $1 == /* || -z $1 ]] || point=${point#"$PWD"/}
        # $1 is as typed, with backslashes.
        printf -v point '%q' "$point"
        [[ $point == "$1"* ]] && COMPREPLY+=("$point")
    done < <(arrayfs --list 2>/dev/null | tail -n +2)
}

_arrayfs() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} count=0 i
    COMPREPLY=()
    # The parts of --mode=r are words of their own.
    if [[ $cur == "=" ]]; then
        cur=
    elif [[ $prev == "=" ]]; then
        prev=${COMP_WORDS[COMP_CWORD - 2]}
    fi
    case $prev in
@OFFERED@
        @OTHERS@)
            return
            ;;
    esac
    for ((i = 1; i < COMP_CWORD; i++)); do
        case ${COMP_WORDS[i]} in
            -u | --unmount)
                [[ $cur != -* ]] || COMPREPLY=($(compgen -W "--all" -- "$cur"))
                _arrayfs_mounts "$cur"
                return
                ;;
            @VALUED@)
                [[ ${COMP_WORDS[i + 1]} != "=" ]] || ((i++))
                ((i++))
                ;;
            -*) ;;
            *) ((count++)) ;;
        esac
    done
    if [[ $cur == -* ]]; then
        COMPREPLY=($(compgen -W "@OPTIONS@" -- "$cur"))
    elif [[ $count == 0 ]]; then
        compopt -o default 2>/dev/null
    elif [[ $count == 1 ]]; then
        compopt -o dirnames 2>/dev/null
    fi
}

complete -F _arrayfs arrayfs
