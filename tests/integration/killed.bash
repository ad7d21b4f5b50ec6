# SIGKILL in the middle of what changes files. Loaded after lib; at_each_change by files with $FERRY_IMAGE_STORE.
#
#   killed_before CALL N COMMAND...   kills `ferry COMMAND` right before its Nth system call of that name; $status is 0 when it
#                                     has ended before that
#   at_each_change WHOLE COMMAND...   kills `ferry COMMAND` right before each system call that changes the store, from the first to
#                                     the last. After each time the next command must find a store that is whole, with all that
#                                     was there, or, where WHOLE says so, with all that is to be there.

# What makes, moves, removes and syncs; each is counted for itself.
changing=(mkdirat renameat unlinkat symlinkat fchmodat fsync syncfs flock)

# The next command, whatever it is, puts things right.
recovers() {
	run ferry image export -o /dev/null no-such-image
	failed "no image"
	equal "$(find "$FERRY_IMAGE_STORE/ingest" -mindepth 1)" ""
	run ferry image verify -q
	succeeded
}

killed_before() {
	status=0
	ASAN_OPTIONS=detect_leaks=0 strace -qq -o /dev/null -e "trace=$1" -e "inject=$1:signal=KILL:when=$2" \
		"$FERRY" --root "$root" "${@:3}" >"$WORK/out" 2>&1 3>&- 4>&- || status=$?
	[ $status = 0 ] || [ $status = 137 ] || complain "${@:3}"
}

at_each_change() {
	local whole=$1 call n=0 store=$FERRY_IMAGE_STORE killed=0 status
	shift
	rm -rf "$WORK/kept"
	cp -a "$store" "$WORK/kept"
	find "$store" | sort >"$WORK/was"
	for call in "${changing[@]}"; do
		for ((n = 1; n < 1000; n++)); do
			killed_before "$call" "$n" "$@"
			[ $status != 0 ] || break
			killed=$((killed + 1))
			eventually 'no_process "ferry"'
			recovers || { echo "killed before $call $n"; return 1; }
			if eval "$whole"; then
				rm -rf "$store"
				cp -a "$WORK/kept" "$store"
				continue
			fi
			find "$store" | sort | diff "$WORK/was" - || { echo "killed before $call $n"; return 1; }
		done
		rm -rf "$store"
		cp -a "$WORK/kept" "$store"
	done
	echo "killed $killed times"
	[ $killed -gt 5 ]
}
