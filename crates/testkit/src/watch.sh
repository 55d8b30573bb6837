# Runs one server for tests and removes its folder when no test uses it any more.
#   $1 folder   $2 start lock, held while a test decides which server to use   $3 grace, seconds
# Every test process holds a shared lock on folder/lease; locks go with their process, however it
# ends. The server itself is tied to this shell by setpriv --pdeathsig.
dir=$1
start=$2
grace=$3
shift 3
"$@" >>"$dir/log" 2>&1 </dev/null &
server=$!
echo $server >"$dir/pid"
while :; do
    flock "$dir/lease" true
    sleep "$grace"
    exec 9>"$start"
    flock 9
    flock --nonblock "$dir/lease" true && break
    exec 9>&-
done
# A server that was started again has a watch of its own; the number of a dead one may be another's.
[ "$(cat "$dir/pid" 2>/dev/null)" = "$server" ] || exit 0
kill -KILL $server 2>/dev/null
wait $server
rm -rf "$dir"
