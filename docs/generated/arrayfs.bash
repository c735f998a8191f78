# Completions of arrayfs for bash.
# shellcheck shell=bash
# Words and options are without blanks:
# shellcheck disable=SC2207

# Prints what the typed word $1 stands for: without quotes and backslashes, and with the home
# directory in place of ~.
_arrayfs_plain() {
    local word=$1
    case $word in
        \'*)
            word=${word#\'}
            printf '%s' "${word%\'}"
            return
            ;;
        \"*)
            word=${word#\"}
            word=${word%\"}
            ;;
        \~/*) word=${HOME//\\/\\\\}${word#"~"} ;;
    esac
    # It is meant to remove backslashes:
    # shellcheck disable=SC2162
    IFS= read word <<<"$word"
    printf '%s' "$word"
}

# Adds the name $3 for the typed word $1, which stands for $2. What is typed up to the last slash
# stays, and the rest is quoted in the same way.
_arrayfs_add() {
    local typed=$1 name=$3 character
    [[ $2 != */* ]] || name=${name#"${2%/*}/"}
    case $typed in
        \'*) name=${name//\'/\'\\\'\'} ;;
        \"*)
            for character in "\\" '"' '$' '`'; do
                name=${name//"$character"/"\\$character"}
            done
            ;;
        *) printf -v name '%q' "$name" ;;
    esac
    typed=${typed%"${typed##*/}"}
    # Readline keeps the quote that is open.
    COMPREPLY+=("${typed#[\'\"]}$name")
}

# Adds the names that `arrayfs --complete $1 $2` prints and that begin with the typed word $3.
_arrayfs_names() {
    local name plain
    plain=$(_arrayfs_plain "$3")
    while IFS= read -r name; do
        [[ $name != "$plain"* ]] || _arrayfs_add "$3" "$plain" "$name"
    done < <(arrayfs --complete "$1" "$2" 2>/dev/null)
}

# Sets words to the words up to the cursor. In COMP_WORDS, --mode=r and x:f4 are three words each.
_arrayfs_words() {
    local line=$COMP_LINE word
    words=()
    for word in "${COMP_WORDS[@]:0:COMP_CWORD + 1}"; do
        if [[ ${#words[@]} == 0 || $line == [[:blank:]]* ]]; then
            words+=("$word")
        else
            words[${#words[@]} - 1]+=$word
        fi
        line=${line#"${line%%[^[:blank:]]*}"}
        line=${line#"$word"}
    done
}

# Adds what is offered for the word cur, of which value is the value of option.
_arrayfs_offer() {
    local file='' count=0 unmount=0 i
    for ((i = 1; i < ${#words[@]} - 1; i++)); do
        case ${words[i]} in
            -u | --unmount | --unmount=*) unmount=1 ;;
            --list | -h | --help | -V | --version) return ;;
            --array | --shape | --offset | -o | --cache-size | --scratch-size | --zarr-chunks | --threads | --idle-timeout | --ready-fd | --format | --dtype | --order | --mode | --cache | --passthrough | --csv | --generate | --log-file)
                option=${words[i]}
                ((i++))
                ;;
            -*) ;;
            *)
                file=${file:-${words[i]}}
                ((count++))
                ;;
        esac
    done
    # It is the value of the last option only if no word is between.
    ((i == ${#words[@]})) || option=
    if [[ -z $option && $cur == --*=* ]]; then
        option=${cur%%=*}
        value=${cur#*=}
    elif [[ $option == -o ]]; then
        value=${value##*,}
    fi
    case $option in
        --format)
            COMPREPLY=($(compgen -W "raw npy npz safetensors gguf hdf5 netcdf fits nifti mrc wav nrrd metaimage envi" -- "$value"))
            return
            ;;
        --dtype)
            COMPREPLY=($(compgen -W "bool bool_ int8 byte int16 short int32 intc int64 int int_ intp long longlong uint8 ubyte uint16 ushort uint32 uintc uint64 uint uintp ulong ulonglong float16 half float32 single float64 float double float128 longdouble complex64 csingle complex128 complex cdouble complex256 clongdouble bytes bytes_ str str_ unicode void datetime64 timedelta64 bfloat16 float8_e4m3fn float8_e5m2 float8_e4m3fnuz float8_e5m2fnuz float8_e8m0fnu float8_e4m3 float8_e3m4 float8_e4m3b11fnuz" -- "$value"))
            return
            ;;
        --order)
            COMPREPLY=($(compgen -W "C F" -- "$value"))
            return
            ;;
        --mode)
            COMPREPLY=($(compgen -W "r r+ w+ c" -- "$value"))
            return
            ;;
        --cache)
            COMPREPLY=($(compgen -W "never auto always" -- "$value"))
            return
            ;;
        --passthrough)
            COMPREPLY=($(compgen -W "auto rw never" -- "$value"))
            return
            ;;
        --csv)
            COMPREPLY=($(compgen -W "unpadded padded" -- "$value"))
            return
            ;;
        --generate)
            COMPREPLY=($(compgen -W "man bash zsh fish" -- "$value"))
            return
            ;;
        --log-file)
            compopt -o default 2>/dev/null
            return
            ;;
        --array)
            [[ -z $file ]] || _arrayfs_names array "$(_arrayfs_plain "$file")" "$value"
            return
            ;;
        -o)
            compopt -o nospace 2>/dev/null
            COMPREPLY=($(compgen -W "ro rw allow_other allow_root quiet extend pad xattr foreground replace-dead verbose format= array= dtype= shape= order= offset= mode= cache= cache-size= scratch-size= passthrough= csv= zarr-chunks= threads= log-file= idle-timeout= uid= gid= umask= fsname= noexec exec noatime atime sync async dirsync" -- "$value"))
            return
            ;;
        --unmount) unmount=1 ;;
        ?*) return ;;
    esac
    if [[ $unmount == 1 ]]; then
        [[ $cur != -* ]] || COMPREPLY=($(compgen -W "--all" -- "$cur"))
        _arrayfs_names mount "$(_arrayfs_plain "$value")" "$value"
    elif [[ $cur == -* ]]; then
        COMPREPLY=($(compgen -W "--array --shape --offset --extend -o --cache-size --scratch-size --pad --zarr-chunks --xattr --threads --idle-timeout -u --unmount --all --info --json --list -h --help -V --version -f --foreground --ready-fd --replace-dead -v --verbose --format --dtype --order --mode --cache --passthrough --csv --generate --log-file" -- "$cur"))
    elif [[ $count == 0 ]]; then
        compopt -o default 2>/dev/null
    elif [[ $count == 1 ]]; then
        compopt -o dirnames 2>/dev/null
    fi
}

_arrayfs() {
    local words cur value option='' split i
    COMPREPLY=()
    _arrayfs_words
    cur=${words[${#words[@]} - 1]}
    value=$cur
    _arrayfs_offer
    # Readline replaces only the last part of a word that it splits at = or :.
    split=$cur
    [[ ${COMP_WORDS[COMP_CWORD]} == [=:]* ]] || split=${cur%"${COMP_WORDS[COMP_CWORD]}"}
    for i in "${!COMPREPLY[@]}"; do
        COMPREPLY[i]=${cur%"$value"}${COMPREPLY[i]}
        COMPREPLY[i]=${COMPREPLY[i]#"$split"}
    done
}

complete -F _arrayfs arrayfs
