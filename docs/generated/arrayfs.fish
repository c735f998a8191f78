complete -c arrayfs -l array -d 'Mount this one of the arrays in the file' -r -f
complete -c arrayfs -l shape -d 'Axis lengths: 1000,16 or 1000x16 [default: one axis]' -r -f
complete -c arrayfs -l offset -d 'Bytes before the array: 352, 0x160, 4K [default: 0]' -r -f
complete -c arrayfs -s o -d 'Mount options, such as ro, allow_other, uid=N' -r -f
complete -c arrayfs -l cache-size -d 'Memory for neighbouring columns [default: 32M]' -r -f
complete -c arrayfs -l scratch-size -d 'Memory for files made to be renamed over others [default: 64M]' -r -f
complete -c arrayfs -l zarr-chunks -d 'Shape of the chunks in zarr/: 64,64,64 [default: contiguous parts of up to 4 MiB]' -r -f
complete -c arrayfs -l threads -d 'Worker threads, 1 to 64 [default: by the number of processors]' -r -f
complete -c arrayfs -l idle-timeout -d 'Unmount a mount that is unused for this time: 90s, 10m, 2h [default: never]' -r -f
complete -c arrayfs -s u -l unmount -d 'Unmount arrays, by mount point or file' -r -f
complete -c arrayfs -l ready-fd -d 'Write a newline to this file descriptor once the mount is usable' -r -f
complete -c arrayfs -l format -d 'File format, such as raw, npy, hdf5 [default: by the first bytes]' -r -f -a "raw\t''
npy\t''
npz\t''
safetensors\t''
gguf\t''
hdf5\t''
netcdf\t''
fits\t''
nifti\t''
mrc\t''
wav\t''
nrrd\t''
metaimage\t''
envi\t''"
complete -c arrayfs -l dtype -d 'Element type: float32, <i2, S10, x:f4,id:i8 [default: uint8]' -r -f -a "bool\t''
bool_\t''
int8\t''
byte\t''
int16\t''
short\t''
int32\t''
intc\t''
int64\t''
int\t''
int_\t''
intp\t''
long\t''
longlong\t''
uint8\t''
ubyte\t''
uint16\t''
ushort\t''
uint32\t''
uintc\t''
uint64\t''
uint\t''
uintp\t''
ulong\t''
ulonglong\t''
float16\t''
half\t''
float32\t''
single\t''
float64\t''
float\t''
double\t''
float128\t''
longdouble\t''
complex64\t''
csingle\t''
complex128\t''
complex\t''
cdouble\t''
complex256\t''
clongdouble\t''
bytes\t''
bytes_\t''
str\t''
str_\t''
unicode\t''
void\t''
datetime64\t''
timedelta64\t''
bfloat16\t''
float8_e4m3fn\t''
float8_e5m2\t''
float8_e4m3fnuz\t''
float8_e5m2fnuz\t''
float8_e8m0fnu\t''
float8_e4m3\t''
float8_e3m4\t''
float8_e4m3b11fnuz\t''"
complete -c arrayfs -l order -d 'Memory order: C (last axis fastest) or F (first) [default: C]' -r -f -a "C\t''
F\t''"
complete -c arrayfs -l mode -d 'r (read only), r+ (read and write), w+ (new, zeros), c [default: r+]' -r -f -a "r\t''
r+\t''
w+\t''
c\t''"
complete -c arrayfs -l cache -d 'When to cache: never, auto (while open), always [default: never]' -r -f -a "never\t''
auto\t''
always\t''"
complete -c arrayfs -l passthrough -d 'Bypass the daemon for whole-file views: auto, rw, never [default: auto]' -r -f -a "auto\t''
rw\t''
never\t''"
complete -c arrayfs -l csv -d 'Form of the text in csv/: unpadded or padded [default: unpadded]' -r -f -a "unpadded\t''
padded\t''"
complete -c arrayfs -l generate -d 'Print the man page or shell completions: man, bash, zsh, fish' -r -f -a "man\t''
bash\t''
zsh\t''
fish\t''"
complete -c arrayfs -l log-file -d 'Append the log to this file [default: syslog; standard error with -f]' -r -F
complete -c arrayfs -l extend -d 'Under r+: extend a file that is too short, with zeros'
complete -c arrayfs -l pad -d 'List padded indices (007), so that rows/* is in order'
complete -c arrayfs -l xattr -d 'Serve extended attributes: user.dtype, user.shape, ...'
complete -c arrayfs -l all -d 'With -u: unmount all arrays that you have mounted'
complete -c arrayfs -l info -d 'Check everything, print meta.json, and mount nothing'
complete -c arrayfs -l json -d 'With --info: print JSON, also for a file with several arrays'
complete -c arrayfs -l list -d 'List the mounted arrays'
complete -c arrayfs -s h -l help -d 'Print help; --help has all options and examples'
complete -c arrayfs -s V -l version -d 'Print the version'
complete -c arrayfs -s f -l foreground -d 'Stay in the foreground; Ctrl-C unmounts'
complete -c arrayfs -l replace-dead -d 'Unmount a dead arrayfs mount on the mount point first'
complete -c arrayfs -s v -l verbose -d 'Log more: -v events, -vv requests, -vvv everything'

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
        else if contains -- $word --list -h --help -V --version
            echo alone
            return
        else if contains -- $word --array --shape --offset -o --cache-size --scratch-size --zarr-chunks --threads --idle-timeout --ready-fd --format --dtype --order --mode --cache --passthrough --csv --generate --log-file
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
    printf '%s\n' "$typed"{ro,rw,allow_other,allow_root,quiet,extend,pad,xattr,foreground,replace-dead,verbose,format=,array=,dtype=,shape=,order=,offset=,mode=,cache=,cache-size=,scratch-size=,passthrough=,csv=,zarr-chunks=,threads=,log-file=,idle-timeout=,uid=,gid=,umask=,fsname=,noexec,exec,noatime,atime,sync,async,dirsync}
end

complete -c arrayfs -s u -l unmount -r -f -a '(__arrayfs_mounts)'
complete -c arrayfs -l array -r -f -a '(__arrayfs_arrays)'
complete -c arrayfs -s o -r -f -a '(__arrayfs_mount_options)'
complete -c arrayfs -n '__arrayfs_are unmount' -f -a '(__arrayfs_mounts)'
complete -c arrayfs -n '__arrayfs_are alone' -f
complete -c arrayfs -n '__arrayfs_are 1' -f -a '(__fish_complete_directories)'
complete -c arrayfs -n '__arrayfs_are 2' -f
