#include "lib/fd.h"
#include "lib/file.h"
#include "lib/json.h"
#include "overlay/trust/trust.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { POLICY_MAX = 1 << 20 };

/* ---- reading it ---- */

static int parse_keys(const struct json *list, struct arena *a, struct trust_rule *ret, struct err *e)
{
	if (!list || list->type != JSON_ARRAY || list->n == 0)
		return err_say(e, EINVAL, "signedBy: expected a list of public keys");
	ret->keys = arena_new_array(a, list->n, struct trust_key);
	for (size_t i = 0; i < list->n; i++) {
		const struct json *key = &list->members[i].value;
		if (key->type != JSON_STRING)
			return err_say(e, EINVAL, "signedBy[%zu]: expected a string, got %s", i, json_type_name(key->type));
		if (trust_key_parse(key->text, &ret->keys[i], e) < 0)
			return err_wrap(e, "signedBy[%zu]", i);
	}
	ret->n_keys = list->n;
	ret->verdict = TRUST_SIGNED;
	return 0;
}

static int parse_rule(const struct json *rule, struct arena *a, struct trust_rule *ret, struct err *e)
{
	if (rule->type == JSON_STRING && strcmp(rule->text, "accept") == 0)
		ret->verdict = TRUST_ACCEPT;
	else if (rule->type == JSON_STRING && strcmp(rule->text, "reject") == 0)
		ret->verdict = TRUST_REJECT;
	else if (rule->type == JSON_OBJECT && rule->n == 1)
		return parse_keys(json_get(rule, "signedBy"), a, ret, e);
	else
		return err_say(e, EINVAL, "expected \"accept\", \"reject\" or { \"signedBy\": [KEY...] }");
	return 0;
}

static int parse_images(const struct json *images, struct arena *a, struct trust_policy *p, struct err *e)
{
	if (images->type != JSON_OBJECT)
		return err_say(e, EINVAL, "images: expected an object, got %s", json_type_name(images->type));
	p->rules = arena_new_array(a, images->n, struct trust_rule);
	for (size_t i = 0; i < images->n; i++) {
		p->rules[i].prefix = images->members[i].key;
		if (parse_rule(&images->members[i].value, a, &p->rules[i], e) < 0)
			return err_wrap(e, "images: '%s'", p->rules[i].prefix);
	}
	p->n_rules = images->n;
	return 0;
}

/* Nothing is ignored here: a misspelt member would be a rule that does not hold. */
static int parse_policy(const struct json *root, struct arena *a, struct trust_policy *p, struct err *e)
{
	if (root->type != JSON_OBJECT)
		return err_say(e, EINVAL, "expected an object, got %s", json_type_name(root->type));
	for (size_t i = 0; i < root->n; i++) {
		const struct json_member *m = &root->members[i];
		if (strcmp(m->key, "default") == 0) {
			if (parse_rule(&m->value, a, &p->otherwise, e) < 0)
				return err_wrap(e, "default");
		} else if (strcmp(m->key, "images") == 0) {
			if (parse_images(&m->value, a, p, e) < 0)
				return -e->code;
		} else {
			return err_say(e, EINVAL, "unknown member '%s'", m->key);
		}
	}
	return 0;
}

static int check_owner(int fd, struct err *e)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_set(e, errno, "stat");
	if ((st.st_uid != 0 && st.st_uid != geteuid()) || st.st_mode & (S_IWGRP | S_IWOTH))
		return err_say(e, EPERM, "others could write it: it must be its owner's alone to write (chmod go-w), and "
					 "root's (chown root)");
	return 0;
}

int trust_policy_load(const char *path, struct arena *a, struct trust_policy *ret, struct err *e)
{
	cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	cleanup_buf struct buf text = BUF_INIT;
	struct trust_policy p = { .path = arena_strdup(a, path) };
	struct json root;

	/* Nobody gets round it by not being able to read it. */
	if (fd < 0 && errno == EACCES)
		return err_say(e, EACCES, "which images may be had is said in '%s', which you may not read: it and the directories "
			       "above must be everybody's to read", path);
	if (fd < 0 && errno != ENOENT)
		return err_set(e, errno, "open '%s'", path);
	if (fd >= 0 && (check_owner(fd, e) < 0 || fd_read_all(fd, POLICY_MAX, &text, e) < 0 ||
			json_parse(buf_text(&text), text.len, a, &root, e) < 0 || parse_policy(&root, a, &p, e) < 0))
		return err_wrap(e, "policy '%s'", path);
	*ret = p;
	return 0;
}

/* ---- asking it ---- */

static bool covers(const struct trust_rule *rule, const char *name)
{
	size_t n = strlen(rule->prefix);

	return strncmp(name, rule->prefix, n) == 0 && strchr("/:@", name[n]); /* the end, too */
}

const struct trust_rule *trust_rule_for(const struct trust_policy *p, const char *name)
{
	const struct trust_rule *best = &p->otherwise;

	for (size_t i = 0; i < p->n_rules; i++)
		if (covers(&p->rules[i], name) &&
		    (!best->prefix || strlen(p->rules[i].prefix) > strlen(best->prefix)))
			best = &p->rules[i];
	return best;
}

/* Of the hash, and of the comment with it. */
static bool holds(const struct trust_key *key, const struct trust_signature *s, const void *text, size_t len)
{
	cleanup_arena struct arena a = ARENA_INIT;
	uint8_t hash[crypto_generichash_BYTES_MAX];
	size_t n = sizeof(s->of_hash) + s->comment_len;
	uint8_t *covered = arena_alloc(&a, n);

	crypto_generichash(hash, sizeof(hash), text, len, NULL, 0);
	memcpy(covered, s->of_hash, sizeof(s->of_hash));
	memcpy(covered + sizeof(s->of_hash), s->comment, s->comment_len);
	return crypto_sign_verify_detached(s->of_hash, hash, sizeof(hash), key->key) == 0 &&
	       crypto_sign_verify_detached(s->of_comment, covered, n, key->key) == 0;
}

static int check_signature(const struct trust_rule *rule, const char *signature, const void *text, size_t len,
			   struct err *e)
{
	struct trust_signature s;

	if (trust_signature_parse(signature, &s, e) < 0)
		return -e->code;
	for (size_t i = 0; i < rule->n_keys; i++) {
		if (memcmp(rule->keys[i].id, s.key_id, sizeof(s.key_id)) != 0)
			continue;
		if (holds(&rule->keys[i], &s, text, len))
			return 0;
		return err_say(e, EKEYREJECTED, "it is not of this image: one of them has been changed");
	}
	return err_say(e, EKEYREJECTED, "by a key that the policy does not list");
}

int trust_document(const struct trust *t, const char *name, const void *text, size_t len, struct err *e)
{
	const struct trust_rule *rule = trust_rule_for(&t->policy, name);

	if (rule->verdict == TRUST_ACCEPT)
		return 0;
	if (rule->verdict == TRUST_REJECT)
		return err_say(e, EKEYREJECTED, "image '%s' is refused by '%s' (%s%s)", name, t->policy.path,
			       rule->prefix ? "images: " : "default", rule->prefix ? rule->prefix : "");
	if (!t->signature)
		return err_say(e, EKEYREJECTED, "image '%s' is refused: '%s' wants it signed, and there is no %s", name,
			       t->policy.path, t->where);
	if (check_signature(rule, t->signature, text, len, e) < 0) {
		e->code = EKEYREJECTED;
		return err_wrap(e, "image '%s' is refused: %s", name, t->where);
	}
	return 0;
}
