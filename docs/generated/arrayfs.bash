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
        --format)
            COMPREPLY=($(compgen -W "raw npy npz safetensors gguf hdf5 netcdf fits nifti mrc wav nrrd metaimage envi" -- "$cur"))
            return
            ;;
        --dtype)
            COMPREPLY=($(compgen -W "bool bool_ int8 byte int16 short int32 intc int64 int int_ intp long longlong uint8 ubyte uint16 ushort uint32 uintc uint64 uint uintp ulong ulonglong float16 half float32 single float64 float double float128 longdouble complex64 csingle complex128 complex cdouble complex256 clongdouble bytes bytes_ str str_ unicode void datetime64 timedelta64 bfloat16 float8_e4m3fn float8_e5m2 float8_e4m3fnuz float8_e5m2fnuz float8_e8m0fnu float8_e4m3 float8_e3m4 float8_e4m3b11fnuz" -- "$cur"))
            return
            ;;
        --order)
            COMPREPLY=($(compgen -W "C F" -- "$cur"))
            return
            ;;
        --mode)
            COMPREPLY=($(compgen -W "r r+ w+ c" -- "$cur"))
            return
            ;;
        --cache)
            COMPREPLY=($(compgen -W "never auto always" -- "$cur"))
            return
            ;;
        --passthrough)
            COMPREPLY=($(compgen -W "auto rw never" -- "$cur"))
            return
            ;;
        --csv)
            COMPREPLY=($(compgen -W "unpadded padded" -- "$cur"))
            return
            ;;
        --generate)
            COMPREPLY=($(compgen -W "man bash zsh fish" -- "$cur"))
            return
            ;;
        --log-file)
            compopt -o default 2>/dev/null
            return
            ;;
        --array | --shape | --offset | -o | --cache-size | --scratch-size | --zarr-chunks | --threads | --idle-timeout | --ready-fd)
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
            --array | --shape | --offset | -o | --cache-size | --scratch-size | --zarr-chunks | --threads | --idle-timeout | --ready-fd | --format | --dtype | --order | --mode | --cache | --passthrough | --csv | --generate | --log-file)
                [[ ${COMP_WORDS[i + 1]} != "=" ]] || ((i++))
                ((i++))
                ;;
            -*) ;;
            *) ((count++)) ;;
        esac
    done
    if [[ $cur == -* ]]; then
        COMPREPLY=($(compgen -W "--array --shape --offset --extend -o --cache-size --scratch-size --pad --zarr-chunks --xattr --threads --idle-timeout -u --unmount --all --info --json --list -h --help -V --version -f --foreground --ready-fd --replace-dead -v --verbose --format --dtype --order --mode --cache --passthrough --csv --generate --log-file" -- "$cur"))
    elif [[ $count == 0 ]]; then
        compopt -o default 2>/dev/null
    elif [[ $count == 1 ]]; then
        compopt -o dirnames 2>/dev/null
    fi
}

complete -F _arrayfs arrayfs
