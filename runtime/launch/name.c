#include "runtime/launch/launch.h"

static const char *const first[] = {
	"able", "airy", "amber", "ample", "bold", "brave", "breezy", "bright", "brisk", "calm", "clear", "coral",
	"crisp", "deft", "eager", "early", "fair", "fleet", "fond", "fresh", "gentle", "glad", "golden", "grand",
	"hardy", "keen", "kind", "lively", "lucid", "mellow", "merry", "mild", "misty", "nimble", "noble", "placid",
	"polar", "proud", "quick", "quiet", "rapid", "ready", "robust", "salty", "serene", "silver", "smooth", "snug",
	"steady", "still", "stout", "sunny", "swift", "tidal", "tidy", "trim", "true", "vivid", "warm", "wary",
	"windy", "wise", "witty", "young",
};

static const char *const second[] = {
	"anchor", "barge", "bay", "beacon", "bollard", "bow", "bridge", "brig", "buoy", "cabin", "canal", "cape",
	"channel", "clipper", "cove", "cutter", "deck", "delta", "dinghy", "dock", "drift", "estuary", "eddy",
	"fathom", "fjord", "galley", "gull", "harbour", "haven", "helm", "hull", "inlet", "island", "jetty", "keel",
	"ketch", "knot", "lagoon", "landing", "lantern", "mast", "mooring", "oar", "pier", "pilot", "port", "quay",
	"raft", "reef", "rigging", "rudder", "sail", "schooner", "shore", "skiff", "sloop", "sound", "spar", "strait",
	"tide", "tiller", "wake", "wharf", "yawl",
};

const char *launch_name(uint64_t number, struct arena *a)
{
	size_t n_first = sizeof(first) / sizeof(first[0]), n_second = sizeof(second) / sizeof(second[0]);

	return arena_printf(a, "%s-%s", first[number % n_first], second[number / n_first % n_second]);
}
