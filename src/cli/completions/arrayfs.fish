
# The words before the cursor: first what they are. It is `alone` behind a command without
# arguments, `unmount` behind that command, or the number of words that are FILE and MOUNTPOINT. They
# follow.
function __arrayfs_words
    set -l words
    set -l is_value 0
    for word in (commandline -opc)[2..]
        if test $is_value = 1
            set is_value 0
        else if string match -qr -- '^(-u|--unmount(=.*)?)$' $word
            echo unmount
            return
        else if contains -- $word @ALONE@
            echo alone
            return
        else if contains -- $word @VALUED@
            set is_value 1
        else if not string match -q -- '-*' $word
            set -a words $word
        end
    end
    printf '%s\n' (count $words) $words
end

# Whether the words before the cursor are $argv[1].
function __arrayfs_are
    test (__arrayfs_words)[1] = $argv[1]
end

# The word or value at the cursor without quotes and backslashes.
function __arrayfs_typed
    set -l typed (string replace -r '^--[a-z]+=' '' -- (commandline -ct))
    # A quote that is open cannot be unescaped.
    string unescape -- $typed; or string sub -s 2 -- $typed
end

# The mount points of arrays that the typed word is the beginning of.
function __arrayfs_mounts
    set -l typed (__arrayfs_typed)
    if string match -q '~/*' -- $typed
        # fish compares with what is typed.
        arrayfs --complete mount (string replace '~' $HOME -- $typed) 2>/dev/null | string replace $HOME '~'
    else
        arrayfs --complete mount "$typed" 2>/dev/null
    end
end

# The arrays of the file that the typed word is the beginning of.
function __arrayfs_arrays
    set -l words (__arrayfs_words)
    set -q words[2]; or return
    set -l file (string replace -r '^~/' "$HOME/" -- $words[2])
    set -l begins '^'(string escape --style=regex -- (__arrayfs_typed))'.*'
    arrayfs --complete array $file 2>/dev/null | string match -r $begins
end

# Mount options, behind the ones that are typed.
function __arrayfs_mount_options
    set -l typed (string replace -r '[^,]*$' '' -- (commandline -ct))
    printf '%s\n' "$typed"{@MOUNT_OPTIONS@}
end

complete -c arrayfs -s u -l unmount -r -f -a '(__arrayfs_mounts)'
complete -c arrayfs -l array -r -f -a '(__arrayfs_arrays)'
complete -c arrayfs -s o -r -f -a '(__arrayfs_mount_options)'
complete -c arrayfs -n '__arrayfs_are unmount' -f -a '(__arrayfs_mounts)'
complete -c arrayfs -n '__arrayfs_are alone' -f
complete -c arrayfs -n '__arrayfs_are 1' -f -a '(__fish_complete_directories)'
complete -c arrayfs -n '__arrayfs_are 2' -f
