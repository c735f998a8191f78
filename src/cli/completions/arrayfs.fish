
# The mount points of arrays.
function __arrayfs_mounts
    for line in (arrayfs --list 2>/dev/null)[2..]
        # Blanks are octal escapes, as in \040.
        printf '%b\n' (string replace -a '\\' '\\0' -- (string split -f1 ' ' -- $line))
    end
end

# How many of FILE and MOUNTPOINT are before the cursor, or that it is the command to unmount.
function __arrayfs_place
    set -l count 0
    set -l is_value 0
    for word in (commandline -opc)[2..]
        if test $is_value = 1
            set is_value 0
        else if contains -- $word -u --unmount
            echo unmount
            return
        else if contains -- $word @VALUED@
            set is_value 1
        else if not string match -q -- '-*' $word
            set count (math $count + 1)
        end
    end
    echo $count
end

complete -c arrayfs -s u -l unmount -r -f -a '(__arrayfs_mounts)'
complete -c arrayfs -n 'test (__arrayfs_place) = unmount' -f -a '(__arrayfs_mounts)'
complete -c arrayfs -n 'test (__arrayfs_place) = 1' -f -a '(__fish_complete_directories)'
complete -c arrayfs -n 'test (__arrayfs_place) = 2' -f
