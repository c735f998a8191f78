complete -c arrayfs -l dtype -d 'Type of an element, as NumPy names it: float32, int16, f4, <i2, >f8, S10, x:f4,id:i8, [(\'x\',\'<f4\'),(\'m\',\'<i8\',(3,3))] [default: uint8]' -r
complete -c arrayfs -l shape -d 'Lengths of the axes: 1000,16 or 1000x16, () for none; one may be -1 and follows from the file\'s size [default: one axis, from the file\'s size]' -r
complete -c arrayfs -l offset -d 'Bytes before the array [default: 0]' -r
complete -c arrayfs -s o -d 'Mount options: ro, allow_other, allow_root, uid=N, gid=N, umask=OCTAL, fsname=NAME, quiet (chmod and chown are accepted and change nothing), those of mount(8), and long options as NAME=VALUE' -r
complete -c arrayfs -l cache-size -d 'Memory for neighbouring columns, under auto and always: bytes, or with K, M, G [default: 32M]' -r
complete -c arrayfs -l threads -d 'Worker threads, 1 to 64 [default: by the number of processors]' -r
complete -c arrayfs -l idle-timeout -d 'Unmount after this time without a request, an open file or anyone inside: 90s, 10m, 2h [default: never]' -r
complete -c arrayfs -l ready-fd -d 'Write an empty line to this open descriptor, and close it, when the mount is usable; $NOTIFY_SOCKET, as systemd sets it, is told too' -r
complete -c arrayfs -l format -d 'How the file says what it holds: raw, not at all; npy, by a header of NumPy\'s [default: npy if it begins with one, or under w+ if its name ends in .npy]' -r -f -a "raw\t''
npy\t''"
complete -c arrayfs -l order -d 'Which axis lies closest together in the file: C, the last, or F, the first [default: C]' -r -f -a "C\t''
F\t''"
complete -c arrayfs -l mode -d 'r: read only; r+: read and write; w+: create the file, or overwrite it with zeros; c: writes stay in memory [default: r+]' -r -f -a "r\t''
r+\t''
w+\t''
c\t''"
complete -c arrayfs -l cache -d 'What may be cached: never, what a read returns is what the file holds now; auto, while a file is open; always, if nobody else writes the file [default: never]' -r -f -a "never\t''
auto\t''
always\t''"
complete -c arrayfs -l passthrough -d 'Where the kernel may read the file itself: auto, where the whole file is mounted read-only; rw, where it is writable too, and other views cannot be mapped shared then; never [default: auto]' -r -f -a "auto\t''
rw\t''
never\t''"
complete -c arrayfs -l csv -d 'Form of the files in csv/: unpadded, with a last column, _, of blanks; padded, with blanks before numbers, and nan and NaT as NumPy writes them [default: unpadded]' -r -f -a "unpadded\t''
padded\t''"
complete -c arrayfs -l generate -d 'Print the man page, or the completions of a shell: man, bash, zsh, fish' -r -f -a "man\t''
bash\t''
zsh\t''
fish\t''"
complete -c arrayfs -s u -l unmount -d 'Unmount what is mounted there' -r -f -a "(__fish_complete_directories)"
complete -c arrayfs -l log-file -d 'Append the log to this file [default: syslog, or standard error with -f]' -r -F
complete -c arrayfs -l extend -d 'Under r+, make a file that is too short for the array longer, with zeros'
complete -c arrayfs -l pad -d 'List indices padded with zeros, so that rows/* is in order'
complete -c arrayfs -l xattr -d 'Serve extended attributes: user.dtype, user.shape, user.ndim, user.size, user.itemsize; with them ls -l takes ten times as long'
complete -c arrayfs -l info -d 'Check all that a mount would, print what meta.json would say, and change nothing'
complete -c arrayfs -l list -d 'List the mounted arrays'
complete -c arrayfs -s f -l foreground -d 'Stay in the foreground; Ctrl-C unmounts'
complete -c arrayfs -l replace-dead -d 'If an array was mounted there whose daemon has died, unmount it first: for supervisors, which start it again'
complete -c arrayfs -s v -l verbose -d 'Log more than warnings: -v what happens, -vv each request, -vvv everything; RUST_LOG says it in detail, and SIGUSR1 goes one further'
complete -c arrayfs -s h -l help -d 'Print help (see more with \'--help\')'
complete -c arrayfs -s V -l version -d 'Print version'
