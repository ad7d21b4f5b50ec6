#!/usr/bin/env bats
# Real services from Debian's packages, in images that umoci, buildah and ferry made of a Debian root file system, and used
# with their own clients through published ports.
load machine

setup_file() {
	configure_podman
	mkdir -p /var/tmp/services
	cd /var/tmp/services
	mv /opt/services layout
	make_web
	make_postgres
	ferry image import -q layout
	make_data
	ferry image import -q layout
	cd /
	rm -rf /var/tmp/services
	# What stands as long as there were networks once.
	ferry launch --rm -p 80:80 layout:web true
	baseline
}

# Layers on the root file system, by umoci.
make_web() {
	mkdir www
	echo first >www/index.html
	ln -s /dev/stdout access.log
	umoci tag --image layout:debian web
	umoci insert --image layout:web --opaque www /var/www/html
	umoci insert --image layout:web --whiteout /var/lib/postgresql
	umoci insert --image layout:web access.log /var/log/nginx/access.log
	umoci config --image layout:web --config.stopsignal SIGQUIT --config.exposedports 80 \
		--config.cmd nginx --config.cmd -g --config.cmd 'daemon off; error_log /dev/stderr notice;'
}

make_postgres() {
	local etc=/etc/postgresql/17/main
	echo 'host all all all trust' >hba
	umoci tag --image layout:debian postgres
	umoci insert --image layout:postgres hba $etc/hba
	umoci config --image layout:postgres --config.user postgres --config.workingdir /var/lib/postgresql \
		--config.cmd /usr/lib/postgresql/17/bin/postgres --config.cmd -D --config.cmd /var/lib/postgresql/17/main \
		--config.cmd -c --config.cmd config_file=$etc/postgresql.conf --config.cmd -c --config.cmd hba_file=$etc/hba \
		--config.cmd -c --config.cmd 'listen_addresses=*' --config.cmd -c --config.cmd unix_socket_directories= --config.stopsignal SIGINT
}

# What Redis needs of that, and layers by buildah.
make_data() {
	local files
	files=$(ferry launch --rm layout:debian sh -c '
		for file in $(printf "/usr/bin/%s " sh sed redis-server redis-cli); do
			printf "%s\n" $file $(ldd $file | grep -o "/lib[^ ]*" | sed "s,^/lib,/usr/lib,")
		done | sort -u | while read file; do echo $file; readlink -f $file; done | sort -u')
	# shellcheck disable=SC2046 # words
	tar -C "$(ferry image inspect layout:debian | jq -r '.[0].Layers[0].Path')" -cf redis.tar bin lib lib64 \
		etc/passwd etc/group etc/redis var/lib/redis var/log/redis $(sed 's,^/,,' <<<"$files")
	cat >redis.file <<-'EOF2'
		FROM scratch
		ADD redis.tar /
		RUN sed -i "s/^daemonize .*/daemonize no/; s/^logfile .*/logfile \"\"/; s/^pidfile .*//; s/^bind .*//; s/^protected-mode .*/protected-mode no/" \
			/etc/redis/redis.conf
		VOLUME /var/lib/redis
		WORKDIR /var/lib/redis
		USER redis:redis
		CMD ["redis-server", "/etc/redis/redis.conf"]
	EOF2
	buildah build -q --layers --runtime "$runtime" --isolation oci -t localhost/data -f redis.file .
	buildah push -q localhost/data oci:layout:data
	buildah rmi -af
}

teardown_file() {
	ferry image prune -a
}

setup() {
	cd "$BATS_TEST_TMPDIR"
}

teardown() {
	ferry rm -f web data postgres 2>/dev/null || :
	clean
}

# launch NAME OPTION...: and wait until its health check succeeded
launch() {
	ferry launch -d --name "$1" --health-start-interval 0.5s --health-start-period 10m --stop-timeout 300 "${@:2}" "layout:$1"
	healthy "$1"
}

healthy() {
	local end=$((SECONDS + 300))
	while [ $SECONDS -lt $end ]; do
		[ "$(ferry inspect "$1" --format .State.Health.Status)" != healthy ] || return 0
		sleep 0.25
	done
	ferry inspect "$1"; ferry logs "$1"
	return 1
}

@test "nginx: pages, an error, logs on both streams, a volume, reload, SIGQUIT" {
	mkdir more
	echo more >more/page
	launch web -p 8080:80 -v "$PWD/more:/var/www/html/more:ro" --health-cmd 'curl -fs -o /dev/null http://127.0.0.1/'
	same first "$(curl -sS http://127.0.0.1:8080/)"
	same more "$(curl -sS http://127.0.0.1:8080/more/page)"
	same 404 "$(curl -sS -o /dev/null -w '%{http_code}' http://127.0.0.1:8080/no)"
	ferry exec web sh -c 'echo second >/var/www/html/index.html'
	same second "$(curl -sS http://127.0.0.1:8080/)"
	eventually eval 'ferry logs web 2>/dev/null | grep "GET /more/page HTTP/1.1\" 200"'
	ferry exec web nginx -s reload
	eventually eval 'ferry logs web 2>&1 >/dev/null | grep "SIGHUP"'
	same second "$(curl -sS --retry 5 --retry-connrefused http://127.0.0.1:8080/)"
	# Its workers end in order, and so with 0, by the signal that the image names alone.
	ferry stop web
	same 0 "$(ferry inspect web --format .State.ExitCode)"
	ferry diff web | grep -qx 'C /var/www/html/index.html'
	[ ! -e /var/lib/ferry/launch/web/upper/usr/sbin/nginx ]
	run ! curl -sS http://127.0.0.1:8080/
	ferry start web
	eventually eval '[ "$(curl -sS http://127.0.0.1:8080/)" = second ]'
}

@test "redis: written and read by a port and by its name, limits, kept over a restart" {
	launch data -p 6379:6379 --memory 200m --pids-limit 50 --health-cmd '[ "$(redis-cli ping)" = PONG ]'
	same OK "$(redis-cli set key value)"
	same value "$(ferry launch --rm --network ferry layout:data redis-cli -h data get key)"
	same 209715200 "$(ferry exec data sh -c 'read max </sys/fs/cgroup/memory.max; echo $max')"

	stat() { ferry stats --no-stream --format json data | jq "$1"; }
	local before after
	before=$(stat .MemoryUsage)
	redis-cli eval "for i = 1, 20000 do redis.call('set', 'filler:' .. i, string.rep(tostring(i % 10), 1000)) end" 0
	after=$(stat .MemoryUsage)
	[ $((after - before)) -gt 18000000 ]
	[ "$after" -lt 209715200 ]
	ferry top data | grep redis-server

	ferry restart data
	healthy data
	same value "$(redis-cli get key)"
	same 20001 "$(redis-cli dbsize)"
	ferry logs data | grep -q 'User requested shutdown'
	same 2 "$(ferry logs data | grep -c 'Ready to accept connections')"
}

@test "build-from: what redis wrote becomes an image" {
	local server=(redis-server /etc/redis/redis.conf --dir /var/log/redis)
	ferry launch -d --name data -p 6379:6379 layout:data "${server[@]}"
	eventually redis-cli set kept yes
	redis-cli save
	ferry stop data
	ferry image build-from -q data withdata
	ferry image verify -q withdata
	ferry rm data
	ferry launch -d --name data -p 6379:6379 withdata "${server[@]}"
	eventually eval '[ "$(redis-cli get kept)" = yes ]'
	ferry rm -f data
	ferry image rm withdata
}

@test "postgres: tables, kept over a restart and a crash" {
	launch postgres -p 5432:5432 --memory 300m --shm-size 32m --health-cmd '/usr/lib/postgresql/17/bin/pg_isready -h 127.0.0.1'
	sql() { psql -X -q -A -t -v ON_ERROR_STOP=1 -h 127.0.0.1 -U postgres; }
	sql <<-'EOF2'
		create table t (id serial primary key, what text not null);
		insert into t (what) select 'row ' || n from generate_series(1, 1000) n;
		create index on t (what);
	EOF2
	same "1000 500500" "$(sql <<<"select count(*) || ' ' || sum(id) from t")"
	run ! sql <<<'select * from nowhere'
	[[ $output == *'relation "nowhere" does not exist'* ]]
	same 314572800 "$(ferry exec postgres cat /sys/fs/cgroup/memory.max)"
	same 32768 "$(ferry exec postgres df -k /dev/shm | awk 'END { print $2 }')"

	ferry restart postgres
	healthy postgres
	same 1000 "$(sql <<<"select count(*) from t where what like 'row %'")"
	ferry logs postgres 2>&1 | grep -q 'received fast shutdown request'	# SIGINT
	run ! eval 'ferry logs postgres 2>&1 | grep "not properly shut down"'

	# Killed, it recovers; nothing that was committed is lost.
	sql <<<"insert into t (what) values ('last')"
	ferry kill postgres KILL
	ferry wait postgres
	ferry start postgres
	healthy postgres
	same last "$(sql <<<'select what from t order by id desc limit 1')"
	ferry logs postgres 2>&1 | grep -q 'not properly shut down'
	ferry stop postgres
	same 0 "$(ferry inspect postgres --format .State.ExitCode)"
}

# Saves and restores it, by the real CRIU; says the logs' errors when that fails.
saved_and_restored() { # NAME
	local log=/var/lib/ferry/launch/$1/checkpoint
	ferry checkpoint --tcp-established "$1" && same exited "$(ferry inspect "$1" --format .State.Status)" &&
		ferry restore --tcp-established "$1" && return
	grep -hE 'Error|Warn' $log/dump.log $log/restore.log
	return 1
}

address_of() { ferry inspect "$1" --format .NetworkSettings.Networks.ferry.IPAddress; }

# A line on a connection that stays open, and the answer's first line.
ask() { # DESCRIPTOR LINE
	local answer
	printf '%s\r\n' "$2" >&"$1"
	read -r -t 120 answer <&"$1"
	echo "${answer%$'\r'}"
}

@test "nginx and redis, saved and restored: what they had, and connections that stay open" {
	local web data n
	launch web -p 8080:80 --health-cmd 'curl -fs -o /dev/null http://127.0.0.1/'
	launch data --health-cmd '[ "$(redis-cli ping)" = PONG ]'
	redis-cli -h "$(address_of data)" eval "for i = 1, 5000 do redis.call('set', 'key:' .. i, i * i) end" 0
	exec {web}<>"/dev/tcp/$(address_of web)/80" {data}<>"/dev/tcp/$(address_of data)/6379"
	same "HTTP/1.1 405 Not Allowed" "$(ask "$web" $'DELETE / HTTP/1.1\r\nHost: a\r\n')"
	same :1 "$(ask "$data" 'INCR n')"
	for n in 2 3; do
		saved_and_restored web
		saved_and_restored data
		same ":$n" "$(ask "$data" 'INCR n')"
		same first "$(curl -sS --retry 5 --retry-connrefused http://127.0.0.1:8080/)"
	done
	while read -r -t 1 _ <&"$web"; do :; done	# the rest of the first answer
	same "HTTP/1.1 405 Not Allowed" "$(ask "$web" $'DELETE / HTTP/1.1\r\nHost: a\r\n')"
	exec {web}<&- {data}<&-
	same "5001 1522756" "$(redis-cli -h "$(address_of data)" dbsize) $(redis-cli -h "$(address_of data)" get key:1234)"
	healthy data
	ferry stop web data
	same "0 0" "$(ferry inspect web --format .State.ExitCode) $(ferry inspect data --format .State.ExitCode)"
}

@test "postgres under pgbench, saved and restored in the middle of it: no transaction fails, none is lost" {
	launch postgres --memory 300m --shm-size 32m --health-cmd '/usr/lib/postgresql/17/bin/pg_isready -h 127.0.0.1'
	export PGHOST PGUSER=postgres PGDATABASE=postgres
	PGHOST=$(address_of postgres)
	sql() { psql -X -q -A -t -v ON_ERROR_STOP=1 -U postgres; }
	/usr/lib/postgresql/17/bin/pgbench -i -q
	/usr/lib/postgresql/17/bin/pgbench -n -c 3 -T 100000 >load 2>&1 3>&- &
	local pid=$! before
	eventually eval "[ \"\$(sql <<<'select count(*) from pgbench_history')\" -gt 20 ]"
	saved_and_restored postgres
	before=$(sql <<<'select count(*) from pgbench_history')
	eventually eval "[ \"\$(sql <<<'select count(*) from pgbench_history')\" -gt $before ]"
	saved_and_restored postgres
	before=$(sql <<<'select count(*) from pgbench_history')
	eventually eval "[ \"\$(sql <<<'select count(*) from pgbench_history')\" -gt $before ]"
	kill -ALRM $pid	# which is how it learns that its time is over
	wait $pid || { cat load; return 1; }
	grep -q 'number of failed transactions: 0 ' load || { cat load; return 1; }
	same "$(awk '/actually processed/ { print $NF }' load)" "$(sql <<<'select count(*) from pgbench_history')"
	same t "$(sql <<-'EOF2'
		select (select sum(abalance) from pgbench_accounts) = d and (select sum(bbalance) from pgbench_branches) = d
			and (select sum(tbalance) from pgbench_tellers) = d from (select sum(delta) d from pgbench_history) h
	EOF2
	)"
	healthy postgres
	ferry stop postgres
	same 0 "$(ferry inspect postgres --format .State.ExitCode)"
}
