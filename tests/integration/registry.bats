#!/usr/bin/env bats
# image pull and image push, against Debian's docker-registry and servers with faults (registry.py), all on loopback.
load lib
load killed

# Ports in the tests' own network namespace.
plain=5000 secret=5001 front=5002 files=5003 tokens=5004 tls=5005

py() {
	python3 "$here/registry.py" "$@"
}

listening() { # PORT [HOST]
	local i
	for i in $(seq 2400); do
		(: <"/dev/tcp/${2:-127.0.0.1}/$1") 2>/dev/null && return 0
		sleep 0.05
	done
	echo "nothing listens at port $1"
	return 1
}

# registry NAME PORT [LINE...]: a registry with storage of its own; LINEs go into its configuration.
registry() {
	local name=$1 port=$2 dir=$BATS_FILE_TMPDIR/$1
	shift 2
	mkdir -p "$dir"
	{
		printf 'version: 0.1\nlog: { level: error }\n'
		printf 'storage: { filesystem: { rootdirectory: %s }, delete: { enabled: true } }\n' "$dir/data"
		[ $# -gt 0 ] || set -- "http: { addr: ':$port' }"
		printf '%s\n' "$@"
	} >"$dir/config.yml"
	docker-registry serve "$dir/config.yml" >"$dir/log" 2>&1 3>&- 4>&- &
	echo $! >"${WORK:-$BATS_FILE_TMPDIR}/$name.pid"
	listening "$port"
}

certificate() { # NAME SUBJECT-ALTERNATIVE-NAME
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj "/CN=$1" \
		-addext "subjectAltName=$2" -keyout "$BATS_FILE_TMPDIR/$1.key" -out "$BATS_FILE_TMPDIR/$1.crt" 2>/dev/null
}

pair() { # NAME: for a registry's configuration
	echo "certificate: $BATS_FILE_TMPDIR/$1.crt, key: $BATS_FILE_TMPDIR/$1.key"
}

setup_file() {
	[ -x "$FERRY" ] || { echo "no program at $FERRY: run make first" >&2; return 1; }
	make_rootfs "$BATS_FILE_TMPDIR/rootfs"
	registry plain $plain
	py image http://127.0.0.1:$plain team/app 1 3 300000 >"$BATS_FILE_TMPDIR/image.json"
	py image http://127.0.0.1:$plain team/app 1.1 4 300000 >"$BATS_FILE_TMPDIR/next.json"
}

stop() { # FILE of a pid
	local pid
	[ -e "$1" ] || return 0
	pid=$(cat "$1")
	kill "$pid" 2>/dev/null || :
	wait "$pid" 2>/dev/null || :
	rm -f "$1"
}

teardown_file() {
	stop "$BATS_FILE_TMPDIR/plain.pid"
}

prepare() {
	export ASAN_OPTIONS=detect_leaks=0 # ferry-registry is kept from /proc, where they are looked for
	export FERRY_IMAGE_STORE=$WORK/images HOME=$WORK
	unset REGISTRY_AUTH_FILE DOCKER_CONFIG XDG_CONFIG_HOME XDG_RUNTIME_DIR
	image=$BATS_FILE_TMPDIR/image.json
}

teardown() {
	local pids
	for pids in "$WORK"/*.pid; do
		stop "$pids"
	done
	after_test
}

# A server before the plain registry, with a fault; what it was asked is in $WORK/front.
faulty() { # FAULT [ARGUMENT]
	serve front $front "${upstream:-http://127.0.0.1:$plain}" "$@"
}

serve() { # VERB PORT ARGUMENT...: instead of the one that there was
	local host=127.0.0.1
	[ "$1" != plain ] || host=127.0.0.2
	stop "$WORK/$1.pid"
	python3 "$here/registry.py" "$@" >"$WORK/$1" 2>&1 3>&- 4>&- &
	echo $! >"$WORK/$1.pid"
	listening "$2" $host
	: >"$WORK/$1"
}

pull() {
	run ferry image pull -q --timeout "${patience:-100s}" "$@"
}

of() { # FILTER [FILE]: of what was made for the registry
	jq -r "$1" "${2:-$image}"
}

stored() { # NAME [FILE]: the whole image is in the store under that name
	local file=${2:-$image} store=$FERRY_IMAGE_STORE digest
	equal "$(cat "$store/names/${1//\//%2f}")" "$(of .manifest "$file")"
	for digest in $(of '.manifest, .config, .layers[]' "$file"); do
		equal "sha256:$(sha256sum <"$store/blobs/sha256/${digest#sha256:}" | cut -d' ' -f1)" "$digest"
	done
	for digest in $(of '.diff_ids[]' "$file"); do
		[ -s "$store/layers/${digest#sha256:}/last" ]
	done
	nothing_half
}

nothing_half() {
	equal "$(ls "$FERRY_IMAGE_STORE/ingest")" ""
}

nothing_stored() {
	[ ! -e "$FERRY_IMAGE_STORE" ] || {
		nothing_half
		equal "$(ls "$FERRY_IMAGE_STORE/names")" ""
	}
}

login_file() { # USER:PASSWORD HOST
	printf '{"auths":{"%s":{"auth":"%s"}}}' "$2" "$(printf %s "$1" | base64)" >"$WORK/auth.json"
}

#-- pull

@test "pull: an image by its tag; the id is printed" {
	run ferry image pull -q 127.0.0.1:$plain/team/app:1
	succeeded
	is "$(of .config)"
	stored 127.0.0.1:$plain/team/app:1
	diff <(printf 2) "$FERRY_IMAGE_STORE/layers/$(of '.diff_ids[2]' | cut -d: -f2)/last"
}

@test "pull: by its digest, found again by that name" {
	name=127.0.0.1:$plain/team/app@$(of .manifest)
	pull "$name"
	succeeded
	stored "$name"
	ferry image push -q "$name" 127.0.0.1:$plain/again:1
	pull "127.0.0.1:$plain/team/app@sha256:$(printf 'f%.0s' $(seq 64))"
	failed "does not have it"
}

@test "pull: a line for each layer where there is no terminal" {
	run ferry image pull 127.0.0.1:$plain/team/app:1
	succeeded
	short=$(of '.layers[1]' | cut -c8-19)
	has "$short: working, 293KiB"
	has "$short: done"
	run ferry image pull 127.0.0.1:$plain/team/app:1
	has "$short: there already"
}

@test "pull: on a terminal the layers' lines are drawn over" {
	export TERM=xterm
	run command script -qec "$FERRY image pull 127.0.0.1:$plain/team/app:1" /dev/null
	succeeded
	has $'\033['
	has "$(of '.layers[0]' | cut -c8-19)  done, 293KiB"
	has "$(of .config)"
}

@test "pull: layers that are there are not fetched again" {
	faulty none
	pull 127.0.0.1:$front/team/app:1
	succeeded
	: >"$WORK/front"
	pull 127.0.0.1:$front/team/app:1.1
	succeeded
	stored 127.0.0.1:$front/team/app:1.1 "$BATS_FILE_TMPDIR/next.json"
	equal "$(grep -c /blobs/ "$WORK/front")" 2 # the configuration, and the one layer more
	: >"$WORK/front"
	pull 127.0.0.1:$front/team/app:1.1
	equal "$(grep -c /blobs/ "$WORK/front")" 0
}

@test "pull: a blob that is there is unpacked, not fetched" {
	pull 127.0.0.1:$plain/team/app:1
	rm -r "$FERRY_IMAGE_STORE/layers/$(of '.diff_ids[1]' | cut -d: -f2)"
	faulty none
	pull 127.0.0.1:$front/team/app:1
	succeeded
	equal "$(grep -c /blobs/ "$WORK/front")" 0
	stored 127.0.0.1:$front/team/app:1
}

@test "pull: three layers come at once" {
	faulty together 3
	pull 127.0.0.1:$front/team/app:1
	succeeded
	stored 127.0.0.1:$front/team/app:1
}

@test "pull: of several platforms this machine's, or the one that is asked for" {
	url=http://127.0.0.1:$plain
	py image $url many arm 1 2000 >"$WORK/arm.json"
	py image $url many amd 1 1000 >"$WORK/amd.json"
	digest=$(py index $url many all linux/arm64/v8=arm linux/amd64=amd)
	pull 127.0.0.1:$plain/many:all
	succeeded
	stored 127.0.0.1:$plain/many:all "$WORK/amd.json"
	pull --platform linux/arm64 127.0.0.1:$plain/many:all
	succeeded
	stored 127.0.0.1:$plain/many:all "$WORK/arm.json"
	pull "127.0.0.1:$plain/many@$digest"
	succeeded
	stored "127.0.0.1:$plain/many@$digest" "$WORK/amd.json"
	pull --platform linux/s390x 127.0.0.1:$plain/many:all
	failed "not there for linux/s390x, only for: linux/arm64/v8, linux/amd64"
}

@test "pull: what there is not" {
	pull 127.0.0.1:$plain/team/app:1.2
	failed "'127.0.0.1:$plain/team/app' has no tag '1.2': did you mean"
	pull 127.0.0.1:$plain/team/app:something
	failed "has no tag 'something': it has 1"
	pull 127.0.0.1:$plain/team/other:1
	failed "'127.0.0.1:$plain' has no images named 'team/other'"
	pull 127.0.0.1:1/app
	failed "connect to '127.0.0.1:1': Connection refused"
	pull no-such-host.example/app
	failed "no host 'no-such-host.example' is known"
	pull team/app:1
	failed "\"team/app:1\" does not say which registry: there is none by default"
	has registry.example/team/app:1
	pull 127.0.0.1:$plain/Team/app
	failed "must be in lower case"
	pull --timeout never 127.0.0.1:$plain/team/app:1
	failed "--timeout"
	nothing_stored
}

#-- networks and servers that fail

@test "pull: a connection that drops in the middle of a blob: the rest is asked for" {
	faulty drop 2
	pull 127.0.0.1:$front/team/app:1
	succeeded
	stored 127.0.0.1:$front/team/app:1
	grep -q "$(of '.layers[0]') - bytes=[1-9]" "$WORK/front"
}

@test "pull: a server without ranges begins anew, and what was had is skipped" {
	faulty norange 2
	pull 127.0.0.1:$front/team/app:1
	succeeded
	stored 127.0.0.1:$front/team/app:1
}

@test "pull: a server that falls silent in the middle of a layer is asked again" {
	faulty stall 1
	run ferry image pull -q --timeout 5s 127.0.0.1:$front/team/app:1
	succeeded
	stored 127.0.0.1:$front/team/app:1
}

@test "pull: a busy server is asked again" {
	faulty busy 3
	pull 127.0.0.1:$front/team/app:1
	succeeded
}

@test "pull: a server that always drops is given up" {
	faulty drop 1000
	pull 127.0.0.1:$front/team/app:1
	failed "given up after 5 tries"
	has "ended the connection after"
	nothing_stored
}

@test "pull: a server that never answers, one that drips" {
	faulty silent
	patience=2s pull 127.0.0.1:$front/team/app:1
	failed "'127.0.0.1:$front' does not answer: silent for 2 seconds"
	faulty drip
	run ferry image pull -q --timeout 3s 127.0.0.1:$front/team/app:1
	failed "too slow"
	nothing_stored
}

@test "pull: wrong bytes, too few, too many" {
	faulty flip
	pull 127.0.0.1:$front/team/app:1
	failed "what came has the digest sha256:"
	faulty short
	pull 127.0.0.1:$front/team/app:1
	failed "bytes came"
	faulty long
	pull 127.0.0.1:$front/team/app:1
	failed "more than the"
	nothing_stored
}

@test "pull: a manifest without end, a refusal without end, a manifest that is not what it is said to be" {
	faulty huge
	pull 127.0.0.1:$front/team/app:1
	failed "more than the 4194304 bytes"
	faulty endless
	pull 127.0.0.1:$front/team/app:1
	failed "does not have it"
	faulty lie
	pull 127.0.0.1:$front/team/app:1
	failed "and said it was $(of .manifest)"
	pull "127.0.0.1:$front/team/app@$(of .manifest)"
	failed "instead of $(of .manifest)"
	nothing_stored
}

@test "pull: redirects are followed, to other hosts without what logs in; not for ever" {
	login_file me:secret 127.0.0.1:$front
	faulty redirect http://127.0.0.2:$files
	serve plain $files "$BATS_FILE_TMPDIR/plain/data"
	pull --authfile "$WORK/auth.json" 127.0.0.1:$front/team/app:1
	succeeded
	stored 127.0.0.1:$front/team/app:1
	equal "$(wc -l <"$WORK/plain")" 4
	equal "$(awk '{ print $3 }' "$WORK/plain" | sort -u)" -
	rm -r "$FERRY_IMAGE_STORE"
	faulty loop
	pull 127.0.0.1:$front/team/app:1
	failed "from one address to the next"
	nothing_stored
}

#-- killed

# A pull whose layers have begun to come and go no further, in $victim.
stalled_pull() {
	faulty stall 1
	env --default-signal=INT "$FERRY" image pull --timeout "$1" 127.0.0.1:$front/team/app:1 \
		>"$WORK/out" 2>"$WORK/err" 3>&- 4>&- &
	victim=$!
	eventually 'grep -q working "$WORK/err"'
	eventually '[ -n "$(find "$FERRY_IMAGE_STORE/ingest" -type f -size +100k)" ]'
}

@test "pull: killed, it ends with all of its processes, and leaves nothing that the next does not remove" {
	for signal in KILL INT; do
		stalled_pull 1000s
		kill -$signal $victim
		wait $victim || :
		eventually 'no_process "ferry-|image pull"'
		equal "$(ls "$FERRY_IMAGE_STORE/names")" ""
	done
	pull 127.0.0.1:$plain/team/app:1
	succeeded
	stored 127.0.0.1:$plain/team/app:1
}

@test "pull: killed before each change of the store" {
	ferry image pull -q 127.0.0.1:$plain/team/app:1
	at_each_change '[ -e "$FERRY_IMAGE_STORE/names/127.0.0.1:$plain%2fteam%2fapp:1.1" ] && stored 127.0.0.1:$plain/team/app:1.1 "$BATS_FILE_TMPDIR/next.json"' \
		image pull -q 127.0.0.1:$plain/team/app:1.1
}

@test "pull: who hears from strangers has no rights" {
	stalled_pull 1000s
	for pid in $(pgrep -P $victim -x ferry-registry); do
		grep -q -x -E "NoNewPrivs:\s*1" /proc/$pid/status
		grep -q -x -E "CapPrm:\s*0+" /proc/$pid/status
		echo $pid >>"$WORK/seen"
	done
	[ "$(wc -l <"$WORK/seen")" -ge 2 ]
	kill -KILL $victim
	wait $victim || :
}

#-- logging in

@test "a token: for whoever asks, by a password, not without" {
	faulty token http://127.0.0.1:$tokens
	serve tokens $tokens "" ""
	pull 127.0.0.1:$front/team/app:1
	succeeded
	stored 127.0.0.1:$front/team/app:1
	grep -q "service=the%20tests&scope=repository:team/app:pull " "$WORK/tokens"

	faulty token http://127.0.0.1:$tokens
	serve tokens $tokens me secret
	pull 127.0.0.1:$front/team/app:1.1
	failed "'127.0.0.1:$front' wants a login"
	has "podman login 127.0.0.1:$front"
	has "not with this password"
	login_file me:wrong 127.0.0.1:$front
	pull --authfile "$WORK/auth.json" 127.0.0.1:$front/team/app:1.1
	failed "does not let 'me' (from '$WORK/auth.json') do this"
	has_not wrong
	login_file me:secret 127.0.0.1:$front
	REGISTRY_AUTH_FILE=$WORK/auth.json pull 127.0.0.1:$front/team/app:1.1
	succeeded
	run ferry image push -q --authfile "$WORK/auth.json" team/app:1 127.0.0.1:$front/pushed/app:2
	succeeded
	grep -q "scope=repository:pushed/app:pull,push&scope=repository:team/app:pull " "$WORK/tokens"
}

@test "a password: of podman's file, of Docker's; never shown, in no command line" {
	mkdir "$WORK/reg" "$WORK/.docker"
	perl -e 'print "me:", crypt("secret-word", "\$2b\$05\$abcdefghijklmnopqrstuu"), "\n"' >"$BATS_FILE_TMPDIR/htpasswd"
	registry secret $secret "http: { addr: '127.0.0.1:$secret' }" \
		"auth: { htpasswd: { realm: tests, path: $BATS_FILE_TMPDIR/htpasswd } }"
	ferry image pull -q 127.0.0.1:$plain/team/app:1
	run ferry image push 127.0.0.1:$plain/team/app:1 127.0.0.1:$secret/a/b
	failed "wants a login"
	login_file me:other 127.0.0.1:$secret
	run ferry --debug image push --authfile "$WORK/auth.json" team/app:1 127.0.0.1:$secret/a/b
	failed "does not let 'me'"
	login_file me:secret-word 127.0.0.1:$secret
	run strace -f -qq -s 300 -e trace=execve \
		"$FERRY" --debug image push --authfile "$WORK/auth.json" team/app:1 127.0.0.1:$secret/a/b
	succeeded
	has_not secret-word
	mv "$WORK/auth.json" "$WORK/.docker/config.json"
	rm -r "$FERRY_IMAGE_STORE"
	pull 127.0.0.1:$secret/a/b
	succeeded
	stored 127.0.0.1:$secret/a/b:latest
}

# docker-credential-NAME in PATH: TEXT is its answer for $WORK/server's content, which it is asked for as Docker does.
helper() { # NAME TEXT [EXIT]
	mkdir -p "$WORK/helpers"
	PATH=$WORK/helpers:${PATH#"$WORK/helpers:"}
	printf '#!/bin/sh\n[ "$*" = get ] || exit 9\ncat >"%s/server"\ncat <<"END"\n%s\nEND\nexit %s\n' "$WORK" "$2" "${3:-0}" \
		>"$WORK/helpers/docker-credential-$1"
	chmod +x "$WORK/helpers/docker-credential-$1"
}

with_password() { # a registry at $secret which knows "me" with "secret-word"
	mkdir "$WORK/reg"
	perl -e 'print "me:", crypt("secret-word", "\$2b\$05\$abcdefghijklmnopqrstuu"), "\n"' >"$BATS_FILE_TMPDIR/htpasswd"
	registry secret $secret "http: { addr: '127.0.0.1:$secret' }" \
		"auth: { htpasswd: { realm: tests, path: $BATS_FILE_TMPDIR/htpasswd } }"
	ferry image pull -q 127.0.0.1:$plain/team/app:1
}

@test "a credential helper: of this registry, of all; its password shown nowhere" {
	with_password
	helper vault '{"ServerURL":"x","Username":"me","Secret":"secret-word"}'
	printf '{"credHelpers":{"127.0.0.1:%s":"vault"}}' $secret >"$WORK/auth.json"
	run strace -f -qq -s 300 -e trace=execve \
		"$FERRY" --debug image push --authfile "$WORK/auth.json" team/app:1 127.0.0.1:$secret/a/b:1
	succeeded
	has_not secret-word
	equal "$(cat "$WORK/server")" "127.0.0.1:$secret"
	printf '{"auths":{"127.0.0.1:%s":{}},"credsStore":"vault"}' $secret >"$WORK/auth.json"
	run ferry image push --authfile "$WORK/auth.json" team/app:1 127.0.0.1:$secret/a/b:2
	succeeded
	helper vault '{"Username":"me","Secret":"other-word"}'
	run ferry image push --authfile "$WORK/auth.json" team/app:1 127.0.0.1:$secret/a/b:3
	failed "does not let 'me' (from 'docker-credential-vault', which '$WORK/auth.json' names)"
	has_not other-word
}

@test "a credential helper: that has nothing, that fails, that is not there" {
	helper vault 'credentials not found in native keychain' 1
	printf '{"credHelpers":{"127.0.0.1:%s":"vault"},"credsStore":"gone"}' $plain >"$WORK/auth.json"
	pull --authfile "$WORK/auth.json" 127.0.0.1:$plain/team/app:1
	succeeded
	for answer in 'the vault is locked' '{"Username":"me"' ''; do
		helper vault "$answer" $([ "${answer:0:1}" != t ] || echo 3)
		pull --authfile "$WORK/auth.json" 127.0.0.1:$plain/team/app:1
		failed "'$WORK/auth.json': the credential helper 'docker-credential-vault' for '127.0.0.1:$plain': "
		has_not '{'
	done
	helper vault 'the vault is locked' 3
	pull --authfile "$WORK/auth.json" 127.0.0.1:$plain/team/app:1
	failed "exit status 3: the vault is locked"
	rm "$WORK/helpers/docker-credential-vault"
	pull --authfile "$WORK/auth.json" 127.0.0.1:$plain/team/app:1
	failed "credential helper 'docker-credential-vault', which is not in PATH"
	# One for all that is not there has no login; but where somebody has logged in, it had.
	printf '{"credsStore":"gone"}' >"$WORK/auth.json"
	pull --authfile "$WORK/auth.json" 127.0.0.1:$plain/team/app:1
	succeeded
	printf '{"auths":{"127.0.0.1:%s":{}},"credsStore":"gone"}' $plain >"$WORK/auth.json"
	pull --authfile "$WORK/auth.json" 127.0.0.1:$plain/team/app:1
	failed "credential helper 'docker-credential-gone'"
	printf '{"credHelpers":{"127.0.0.1:%s":"../../bin/sh"}}' $plain >"$WORK/auth.json"
	pull --authfile "$WORK/auth.json" 127.0.0.1:$plain/team/app:1
	failed "'../../bin/sh' is no name of a credential helper"
	pull --authfile "$WORK/none.json" 127.0.0.1:$plain/team/app:1
	failed "'$WORK/none.json'"
}

#-- the policy

@test "a policy refuses by name, or for want of a signature; a signature is of the manifest" {
	name=127.0.0.1:$plain/team/app
	run under_policy '{ "default": "reject" }' "$FERRY" image pull -q $name:1
	failed "image '$name:1' is refused by '/etc/ferry/policy.json'"
	nothing_stored
	minisign -G -W -p "$WORK/key.pub" -s "$WORK/key.sec" >/dev/null
	policy='{ "default": "reject", "images": { "'$name'": { "signedBy": ["'$(tail -1 "$WORK/key.pub")'"] } } }'
	run under_policy "$policy" "$FERRY" image pull -q $name:1
	failed "wants it signed"
	pull $name:1
	cp "$FERRY_IMAGE_STORE/blobs/sha256/$(of .manifest | cut -d: -f2)" "$WORK/manifest"
	rm -r "$FERRY_IMAGE_STORE"
	minisign -S -W -s "$WORK/key.sec" -m "$WORK/manifest" >/dev/null
	run under_policy "$policy" "$FERRY" image pull -q --signature "$WORK/manifest.minisig" $name:1
	succeeded
	stored $name:1
	run under_policy "$policy" "$FERRY" image pull -q --signature "$WORK/manifest.minisig" $name:1.1
	failed "not of this image"
}

#-- TLS

@test "TLS: a certificate that nobody vouches for, that is in --cert-dir, that is not asked for" {
	certificate right DNS:localhost,IP:127.0.0.1
	registry tls $tls "http: { addr: '127.0.0.1:$tls', tls: { $(pair right) } }"
	ferry image pull -q 127.0.0.1:$plain/team/app:1
	run ferry image push team/app:1 localhost:$tls/app:1
	failed "the certificate of 'localhost:$tls' is not to be trusted"
	has --cert-dir
	mkdir "$WORK/certs"
	cp "$BATS_FILE_TMPDIR/right.crt" "$WORK/certs/ca.crt"
	run ferry image push -q --cert-dir "$WORK/certs" team/app:1 localhost:$tls/app:1
	succeeded
	rm -r "$FERRY_IMAGE_STORE"
	pull --cert-dir "$WORK/certs" localhost:$tls/app:1
	succeeded
	stored localhost:$tls/app:1
	rm -r "$FERRY_IMAGE_STORE"
	pull --tls-verify=false localhost:$tls/app:1
	succeeded
}

@test "TLS: a certificate of another name; a client's own" {
	certificate other DNS:other.example
	certificate client DNS:client.example
	mkdir "$WORK/certs"
	cp "$BATS_FILE_TMPDIR/other.crt" "$WORK/certs/ca.crt"
	registry other 5006 \
		"http: { addr: '127.0.0.1:5006', tls: { $(pair other), clientcas: [$BATS_FILE_TMPDIR/client.crt] } }"
	pull --cert-dir "$WORK/certs" localhost:5006/app:1
	failed "localhost:5006"
	cp "$BATS_FILE_TMPDIR/client.crt" "$WORK/certs/client.cert"
	pull --cert-dir "$WORK/certs" localhost:5006/app:1
	failed "client.key"
	cp "$BATS_FILE_TMPDIR/client.key" "$WORK/certs/client.key"
	pull --cert-dir "$WORK/certs" localhost:5006/app:1
	failed "the certificate of 'localhost:5006' is not to be trusted"
	pull --tls-verify=false --cert-dir "$WORK/certs" localhost:5006/app:1
	failed "has no images named 'app'"
}

@test "plain HTTP: to other hosts only when it is allowed" {
	ip address add 192.0.2.9/32 dev lo
	pull 192.0.2.9:$plain/team/app:1
	failed "'192.0.2.9:$plain' does not speak TLS as it should"
	has --tls-verify=false
	pull --tls-verify=false 192.0.2.9:$plain/team/app:1
	succeeded
	ip address del 192.0.2.9/32 dev lo
}

#-- push

@test "push: what came is what goes, byte for byte" {
	ferry image pull -q 127.0.0.1:$plain/team/app:1
	run ferry image push -q team/app:1 127.0.0.1:$plain/copy/app:2
	succeeded
	is "$(of .manifest)"
	rm -r "$FERRY_IMAGE_STORE"
	pull "127.0.0.1:$plain/copy/app:2"
	succeeded
	stored 127.0.0.1:$plain/copy/app:2
}

@test "push: an image that was imported, removed here, and pulled again, is the same and runs" {
	name=127.0.0.1:$plain/busybox:1
	tar -C "$bundle/rootfs" -cf "$WORK/rootfs.tar" .
	ferry image import -q --name $name "$WORK/rootfs.tar"
	ferry image inspect $name --format .Digest >"$WORK/digest"
	ferry image push -q $name
	ferry image rm $name
	equal "$(find "$FERRY_IMAGE_STORE/blobs/sha256" "$FERRY_IMAGE_STORE/layers" -mindepth 1 -maxdepth 1)" ""
	pull $name
	succeeded
	equal "$(ferry image inspect $name --format .Digest)" "$(cat "$WORK/digest")"
	equal "$(ferry launch --rm --storage "$WORK/storage" $name -- echo it runs)" "it runs"
}

@test "push: nothing that is there is sent again; what another repository has is mounted" {
	faulty none
	pull 127.0.0.1:$front/team/app:1
	run ferry image push team/app:1
	succeeded
	has "there already"
	equal "$(grep -c POST "$WORK/front")" 0
	run ferry image push team/app:1 127.0.0.1:$front/mounted/app:1
	succeeded
	equal "$(grep -c 'POST.*mount=.*from=team/app' "$WORK/front")" 4
	equal "$(grep -c -E '(PUT|PATCH).*/blobs/' "$WORK/front")" 0
}

@test "push: a large blob goes in pieces, over dropped connections; in one where pieces are refused" {
	py image http://127.0.0.1:$plain big 1 1 40000000 >"$WORK/big.json"
	ferry image pull -q 127.0.0.1:$plain/big:1
	# Elsewhere, so that nothing can be mounted.
	registry elsewhere 5007
	upstream=http://127.0.0.1:5007 faulty cut 2
	run ferry image push -q big:1 127.0.0.1:$front/big:1
	succeeded
	[ "$(grep -c PATCH "$WORK/front")" -ge 5 ]
	upstream=http://127.0.0.1:5007 faulty nochunks
	run ferry image push -q big:1 127.0.0.1:$front/whole:1
	succeeded
	equal "$(grep -c PATCH "$WORK/front")" 1
	rm -r "$FERRY_IMAGE_STORE"
	for name in big whole; do
		pull 127.0.0.1:5007/$name:1
		stored 127.0.0.1:5007/$name:1 "$WORK/big.json"
	done
}

@test "push: to nowhere, of nothing" {
	run ferry image push app
	failed
	ferry image pull -q 127.0.0.1:$plain/team/app:1
	run ferry image push app:1 elsewhere/app:1
	failed "does not say which registry"
	run ferry image push nothing:1 127.0.0.1:$plain/x:1
	failed "no image \"nothing:1\""
}
