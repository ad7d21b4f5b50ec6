# For tests of launched containers: their directories are in the test's own $storage, and so is what XDG_DATA_HOME holds.
# Loaded after lib.

prepare() {
	storage=$WORK/storage
	export XDG_DATA_HOME=$WORK/data
	mkdir "$storage"
}

member() { # NAME: of the status of $id
	jq -r ".$1" "$storage/$id/status.json"
}
