#!/usr/bin/env bats
# cp with "-": a container's files as an archive on standard output, and out of one on standard input.
load lib
load launched
load user

detached() { # OPTION... -- COMMAND...
	local options=()
	while [ "$1" != -- ]; do
		options+=("$1")
		shift
	done
	shift
	echo "$id" >>"$WORK/made"
	quietly ferry launch --detach --storage "$storage" -e FT_TAG --name "$id" "${options[@]}" host -- "$@" ||
		complain launch
}

# archive FILE MEMBER...: a tar of members as a hostile hand would write them: TYPE:NAME[:TARGET]
archive() {
	python3 - "$@" <<'END'
import io, sys, tarfile
types = {"file": tarfile.REGTYPE, "dir": tarfile.DIRTYPE, "link": tarfile.SYMTYPE, "hard": tarfile.LNKTYPE,
         "device": tarfile.CHRTYPE, "fifo": tarfile.FIFOTYPE}
with tarfile.open(sys.argv[1], "w") as tar:
    for member in sys.argv[2:]:
        kind, name, *target = member.split(":")
        info = tarfile.TarInfo(name)
        info.type = types[kind]
        info.mode = 0o755 if kind == "dir" else 0o644
        info.linkname = target[0] if target else ""
        info.devmajor, info.devminor = 1, 3
        info.mtime = 1000000000
        info.uid, info.gid = 33, 44
        data = b"evil\n" if kind == "file" else b""
        info.size = len(data)
        tar.addfile(info, io.BytesIO(data))
END
}

@test "cp NAME:PATH -: what is in the archive, of a running container and of one that does not run" {
	detached -- sh -c 'mkdir -p /opt/d/.wh.e; echo inside >/opt/d/.wh.e/f; ln /opt/d/.wh.e/f /opt/d/g; ln -s /nowhere /opt/d/link
		chown 33:44 /opt/d/g; touch -d @1000000000 /opt/d/g; mkfifo /opt/d/fifo; : >/tmp/done; sleep 1000000'
	eventually 'ferry exec "$id" test -e /tmp/done'
	local i
	for i in running stopped; do
		ferry cp "$id:/opt/d" - >"$WORK/tar"
		run tar -tf "$WORK/tar"
		is $'d/\nd/.wh.e/\nd/.wh.e/f\nd/fifo\nd/g\nd/link'
		run tar --numeric-owner --utc --full-time -tvf "$WORK/tar" d/.wh.e/f d/g d/link
		matches 'rw-r--r-- 33/44 +7 2001-09-09 01:46:40 d/.wh.e/f'
		has "d/g link to d/.wh.e/f"
		has "d/link -> /nowhere"
		run bash -c '"$0" --root "$1" cp "$2:/opt/d/." - | tar -t' "$FERRY" "$root" "$id"
		is $'./\n.wh.e/\n.wh.e/f\nfifo\ng\nlink'
		run bash -c '"$0" --root "$1" cp "$2:/opt/d/g" - | tar -xO' "$FERRY" "$root" "$id"
		is inside
		run bash -c '"$0" --root "$1" cp "$2:/opt/d/link" - | tar -tv' "$FERRY" "$root" "$id"
		has "link -> /nowhere"
		[ $i = stopped ] || quietly ferry stop -t 0 "$id"
	done
}

@test "cp NAME:PATH -: the kernel's own file systems are not looked into" {
	detached -- sleep 1000000
	ferry cp "$id:/proc" - >"$WORK/tar"
	run tar -tf "$WORK/tar"
	is proc/
}

@test "cp - NAME:DIR: owners, modes, times and links as the archive has them" {
	detached -- sh -c 'mkdir -p /opt/d; : >/opt/d/old; touch -d @900000000 /opt/d; : >/tmp/done; sleep 1000000'
	eventually 'ferry exec "$id" test -e /tmp/done'
	archive "$WORK/tar" dir:./ file:a dir:sub file:sub/.wh.b hard:sub/c:a link:l:/opt/d/a file:old device:null fifo:p file:new/deep
	local i
	for i in running stopped; do
		ferry cp - "$id:/opt/d" <"$WORK/tar"
		ferry cp "$id:/opt/d" - | tar -C "$WORK" -x --numeric-owner
		run stat -c '%u:%g %a %Y %n' "$WORK"/d/{a,sub,sub/.wh.b,old}
		has "33:44 644 1000000000 $WORK/d/a"
		has "33:44 755 1000000000 $WORK/d/sub"
		has "33:44 644 1000000000 $WORK/d/sub/.wh.b"
		has "33:44 644 1000000000 $WORK/d/old"
		[ "$WORK/d/a" -ef "$WORK/d/sub/c" ]
		[ -p "$WORK/d/p" ]
		[ ! -e "$WORK/d/null" ]
		equal "$(cat "$WORK/d/new/deep" "$WORK/d/l" 2>/dev/null)" evil
		equal "$(stat -c %u:%g "$WORK/d")" 0:0 # the directory itself stays as it was, but that something was made in it
		[ "$(stat -c %Y "$WORK/d")" -gt 1000000000 ]
		[ $i = stopped ] || quietly ferry stop -t 0 "$id"
		rm -rf "$WORK/d"
	done
}

@test "cp - NAME:DIR: compressed, from a pipe, empty" {
	detached -- sleep 1000000
	archive "$WORK/tar" file:a
	gzip <"$WORK/tar" | ferry cp - "$id:/opt"
	run ferry exec "$id" cat /opt/a
	is evil
	(echo skipped; cat "$WORK/tar") >"$WORK/behind"
	(read -r _; ferry cp - "$id:/srv") <"$WORK/behind"
	run ferry exec "$id" cat /srv/a
	is evil
	ferry cp - "$id:/opt" </dev/null
}

@test "cp - NAME:DIR: an archive does not get out of the container" {
	mkdir "$WORK/outside"
	echo mine >"$WORK/outside/file"
	detached -- sh -c "ln -s '$WORK/outside' /opt/absolute; ln -s ../../../../../../../..'$WORK/outside' /opt/up
		mkdir /opt/d; : >/tmp/done; sleep 1000000"
	eventually 'ferry exec "$id" test -e /tmp/done'
	local members
	for members in "file:../evil" "file:a/../../evil" "link:x:$WORK/outside file:x/evil" "link:x:../../../../../../..$WORK/outside file:x/evil" \
		"file:absolute/evil" "file:up/evil" "hard:x:absolute/file" "hard:x:../outside/file" "link:y:/proc/1/root dir:y/tmp/evil" \
		"file:absolute/file" "file:d"; do
		# shellcheck disable=SC2086 # words
		archive "$WORK/tar" $members
		run ferry cp - "$id:/opt" <"$WORK/tar"
		failed
		ferry exec "$id" sh -c 'rm -f /opt/x /opt/y'
	done
	# An absolute name is one in the directory.
	archive "$WORK/tar" "file:$WORK/outside/file"
	ferry cp - "$id:/opt" <"$WORK/tar"
	equal "$(ls "$WORK/outside"; cat "$WORK/outside/file")" $'file\nmine'
	run ferry exec "$id" sh -c "cat /opt$WORK/outside/file; ls -d /opt/d"
	is $'evil\n/opt/d'
	# A link of the container's leads where it would in it.
	ferry exec "$id" sh -c 'mkdir /srv/real; ln -s /srv/real /opt/link'
	archive "$WORK/tar" file:link/a
	ferry cp - "$id:/opt" <"$WORK/tar"
	run ferry exec "$id" cat /srv/real/a
	is evil
}

@test "cp - NAME:DIR: into a volume, and not into what is read-only" {
	mkdir "$WORK/data"
	detached -v "$WORK/data:/mnt/in" -v "$WORK/data:/mnt/ro:ro" -- sleep 1000000
	archive "$WORK/tar" file:in/a
	ferry cp - "$id:/mnt" <"$WORK/tar"
	equal "$(cat "$WORK/data/a")" evil
	archive "$WORK/tar" file:ro/b
	run ferry cp - "$id:/mnt" <"$WORK/tar"
	failed "Read-only file system"
}

@test "cp -: other ids outside, the same in the archive" {
	echo "$id" >>"$WORK/made"
	quietly ferry launch --detach --storage "$storage" -e FT_TAG --name "$id" --userns 0:500000:65536 --rootfs "$bundle/rootfs:O" \
		-- sh -c 'mkdir /opt; : >/opt/f; chown 33:44 /opt/f; : >/tmp/done; sleep 1000000' || complain launch
	eventually 'ferry exec "$id" test -e /tmp/done'
	local i
	archive "$WORK/tar" file:a
	for i in running stopped; do
		run bash -c '"$0" --root "$1" cp "$2:/opt/f" - | tar -tv --numeric-owner' "$FERRY" "$root" "$id"
		has " 33/44 "
		ferry cp - "$id:/opt" <"$WORK/tar"
		run bash -c '"$0" --root "$1" cp "$2:/opt/a" - | tar -tv --numeric-owner' "$FERRY" "$root" "$id"
		has " 33/44 "
		[ $i = stopped ] || quietly ferry stop -t 0 "$id"
	done
}

@test "cp -: without root" {
	make_user
	give_subids
	mkdir -p "$WORK/home/storage"
	chown -R $uid "$WORK/home"
	echo "$id" >"$WORK/user_made"
	quietly as_user --root "$WORK/run/state" launch -d --storage "$WORK/home/storage" -e FT_TAG --name "$id" host -- sleep 1000000 ||
		complain launch
	archive "$WORK/tar" file:a dir:d file:d/b
	chmod 644 "$WORK/tar"
	local i
	for i in running stopped; do
		run as_user --root "$WORK/run/state" cp - "$id:/opt" <"$WORK/tar"
		succeeded
		as_user --root "$WORK/run/state" cp "$id:/opt/d" - >"$WORK/back"
		run tar --numeric-owner -tvf "$WORK/back"
		matches '33/44 .* d/b'
		[ $i = stopped ] || quietly as_user --root "$WORK/run/state" stop -t 0 "$id"
	done
	quietly as_user --root "$WORK/run/state" rm "$id"
}

@test "cp -: bad input" {
	detached -- sleep 1000000
	run ferry cp - "$id:/etc/passwd" <"$WORK/before"
	failed "Not a directory"
	run ferry cp - "$id:/none" </dev/null
	failed "No such file"
	run ferry cp - - </dev/null
	failed "one path must be in a container"
	echo 'this is no archive' >"$WORK/text"
	run ferry cp - "$id:/opt" <"$WORK/text"
	failed
	run timeout 300 script -q -e -c "$FERRY --root $root cp $id:/etc/passwd -" /dev/null
	failed "standard output is a terminal"
	run timeout 300 script -q -e -c "$FERRY --root $root cp - $id:/opt" /dev/null
	failed "standard input is a terminal"
	run bash -c '"$0" --root "$1" cp "$2:/etc" - | true; exit ${PIPESTATUS[0]}' "$FERRY" "$root" "$id"
	failed "write the archive: "
}
