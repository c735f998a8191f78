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
            @ALONE@) return ;;
            @VALUED@)
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
@OFFERED@
        --array)
            [[ -z $file ]] || _arrayfs_names array "$(_arrayfs_plain "$file")" "$value"
            return
            ;;
        -o)
            compopt -o nospace 2>/dev/null
            COMPREPLY=($(compgen -W "@MOUNT_OPTIONS@" -- "$value"))
            return
            ;;
        --unmount) unmount=1 ;;
        ?*) return ;;
    esac
    if [[ $unmount == 1 ]]; then
        [[ $cur != -* ]] || COMPREPLY=($(compgen -W "--all" -- "$cur"))
        _arrayfs_names mount "$(_arrayfs_plain "$value")" "$value"
    elif [[ $cur == -* ]]; then
        COMPREPLY=($(compgen -W "@OPTIONS@" -- "$cur"))
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
