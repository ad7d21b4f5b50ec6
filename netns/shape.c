#include "netns/link.h"

#include <errno.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>

enum {
	BURST_LEAST = 64 * 1024, /* a packet as large as they are before they are segmented */
	NETEM_PACKETS = 10000, /* that may wait at once */
};

static uint32_t at_most_u32(uint64_t n)
{
	return n > UINT32_MAX ? UINT32_MAX : (uint32_t)n;
}

/* A hundredth of a second's bytes may go at once, and a twentieth more may wait. */
static void add_tbf(struct nl_batch *b, const struct net_shaping *x)
{
	const uint64_t rate = x->rate_bps / 8, burst = rate / 100 > BURST_LEAST ? rate / 100 : BURST_LEAST;
	const uint32_t burst_bytes = at_most_u32(x->burst_bytes ? x->burst_bytes : burst);
	const struct tc_tbf_qopt options = {
		.rate = { .linklayer = TC_LINKLAYER_ETHERNET, .rate = at_most_u32(rate) },
		.limit = at_most_u32(burst_bytes + rate / 20),
	};

	nl_string(b, TCA_KIND, "tbf");
	size_t nest = nl_nest(b, TCA_OPTIONS);
	nl_bytes(b, TCA_TBF_PARMS, &options, sizeof(options));
	nl_u64(b, TCA_TBF_RATE64, rate);
	nl_u32(b, TCA_TBF_BURST, burst_bytes);
	nl_nest_end(b, nest);
}

static void add_netem(struct nl_batch *b, const struct net_shaping *x)
{
	const struct tc_netem_qopt options = {
		.limit = NETEM_PACKETS,
		.loss = (uint32_t)((uint64_t)x->loss_ppm * UINT32_MAX / 1000000),
	};
	const struct tc_netem_rate rate = { .rate = at_most_u32(x->rate_bps / 8) };

	nl_string(b, TCA_KIND, "netem");
	size_t nest = nl_nest(b, TCA_OPTIONS);
	nl_raw(b, &options, sizeof(options)); /* no attribute itself, the others follow */
	nl_u64(b, TCA_NETEM_LATENCY64, (uint64_t)x->delay_us * 1000);
	nl_u64(b, TCA_NETEM_JITTER64, (uint64_t)x->jitter_us * 1000);
	if (x->rate_bps) {
		nl_bytes(b, TCA_NETEM_RATE, &rate, sizeof(rate));
		nl_u64(b, TCA_NETEM_RATE64, x->rate_bps / 8);
	}
	nl_nest_end(b, nest);
}

int link_shape(struct nl *s, const char *name, int index, const struct net_shaping *x, struct err *e)
{
	cleanup_nl_batch struct nl_batch b = NL_BATCH_INIT;
	const struct tcmsg m = { .tcm_ifindex = index, .tcm_parent = TC_H_ROOT };
	const bool netem = x->delay_us || x->jitter_us || x->loss_ppm;

	if (!netem && !x->rate_bps)
		return 0;
	nl_begin(&b, RTM_NEWQDISC, NLM_F_CREATE | NLM_F_REPLACE, &m, sizeof(m), "shape interface '%s'", name);
	if (netem)
		add_netem(&b, x);
	else
		add_tbf(&b, x);
	int r = nl_send(s, &b, e);
	if (r == -ENOENT || r == -EOPNOTSUPP)
		return err_say(e, ENOTSUP, "shape interface '%s': this kernel has no %s (sch_%s)", name,
			       netem ? "netem" : "tbf", netem ? "netem" : "tbf");
	return r;
}
