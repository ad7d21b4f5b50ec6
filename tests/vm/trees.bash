# An image with all that a layer can have, made by any engine of one Containerfile; and what there is in its containers, to be
# compared whole. Loaded after machine.
#
#   make_context DIR     with a Containerfile: three layers with every kind of file, links, xattrs, capabilities, whiteouts
#   tree_of PID          a line for each file that the process sees (manifest.py)
#   ferry_tree IMAGE     the same of a container that ferry launches of it

make_context() {
	local tree=$1/tree
	make_rootfs "$tree"
	mkdir -p "$tree"/{files,gone,replaced,kept/deep} "$tree/files/sticky"
	(
		cd "$tree/files"
		echo content >plain
		ln plain hard
		ln plain ../kept/hard
		ln -s plain symbolic
		ln -s /nowhere/at/all dangling
		mkfifo fifo
		mknod character c 1 3
		mknod block b 7 0
		truncate -s 3M sparse
		echo end >>sparse
		head -c 100000 /dev/urandom >random
		: >empty
		echo x >"$(printf 'n\303\244me with spaces')"
		echo x >"$(printf '%0200d' 7)"
		cp /bin/busybox ping
		cp /bin/busybox setuid
		chown 12345:67890 plain
		chmod 4755 setuid
		chmod 2711 random
		chmod 1777 sticky
		chmod 0 empty
		touch -d '1999-12-31 23:59:58' random
	)
	touch -d '2001-02-03 04:05:06' "$tree/files"/* "$tree/files" -h
	# CAP_NET_RAW, permitted and effective.
	python3 -c 'import os, sys, struct
os.setxattr(sys.argv[1], "security.capability", struct.pack("<5I", 0x02000001, 1 << 13, 0, 0, 0))
os.setxattr(sys.argv[2], "user.text", b"a value\0with a zero")' "$tree/files/ping" "$tree/files/random"
	echo old >"$tree/gone/file"
	echo old >"$tree/replaced/file"
	echo old >"$tree/kept/file"
	tar -C "$tree" --xattrs --xattrs-include='*' --sparse -cf "$1/tree.tar" .
	rm -rf "$tree"
	cat >"$1/Containerfile" <<-'EOF'
		FROM scratch
		ADD tree.tar /
		RUN rm -r /gone /replaced /kept/hard; mkdir /replaced; echo new >/replaced/new; chown 7:8 /files/symbolic -h
		RUN echo new >/kept/file; chmod 600 /files/random; mv /files/fifo /kept/; ln /files/plain /kept/again; mkdir /gone; rmdir /gone
		ENV FROM=containerfile
		CMD ["/bin/sleep", "1000000"]
	EOF
}

tree_of() { python3 "$(dirname "${BASH_SOURCE[0]}")/manifest.py" "/proc/$1/root"; }

ferry_tree() {
	/usr/local/bin/ferry launch -d --name tree "$1" >/dev/null
	tree_of "$(/usr/local/bin/ferry state tree | jq .pid)"
	/usr/local/bin/ferry rm -f tree >/dev/null
}

# What all of them must have, or a tree that is the same everywhere tells nothing.
is_whole() { # FILE with a tree
	local line
	for line in 'files/ping .* security.capability=0100000200200000' 'files/random 100600 ' \
		'files/plain 100644 12345:67890 981173106 8 ' 'kept/again .* = files/plain$' 'replaced/new ' 'kept/fifo 10644 ' \
		'files/setuid 104755 ' 'files/sticky 41777 ' 'files/block 60644 .* 7,0'; do
		grep -q "^$line" "$1" || { echo "no '$line' in:"; cat "$1"; return 1; }
	done
	! grep -E '^(gone|replaced/file|kept/hard|files/fifo)( |$)' "$1"
}
