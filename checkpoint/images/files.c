#include "checkpoint/images/files.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

/* fdinfo.proto, regfile.proto, fown.proto */
enum { FILE_TYPE = 1, FILE_ID = 2, FILE_REG = 3 };
enum { TYPE_REG = 1 };
enum { REG_ID = 1, REG_FLAGS = 2, REG_POSITION = 3, REG_OWNER = 5, REG_NAME = 6, REG_SIZE = 8, REG_EXTERNAL = 9 };
enum { OWNER_FIRST = 1, OWNER_LAST = 5 };

static int read_regular(struct wire reg, struct arena *a, struct image_file *ret, struct err *e)
{
	uint64_t external = 0;
	struct wire name;
	int r = wire_find_bytes(reg, REG_NAME, &name);

	if (r < 0 || wire_find_number(reg, REG_SIZE, &ret->size) < 0 ||
	    wire_find_number(reg, REG_EXTERNAL, &external) < 0)
		return image_damaged(e);
	ret->external = external;
	ret->name = r > 0 ? wire_text(name, a) : "";
	return 0;
}

static int read_file(struct wire entry, struct arena *a, struct image_file *ret, struct err *e)
{
	uint64_t id = 0;
	struct wire reg;

	*ret = (struct image_file){ 0 };
	if (wire_find_number(entry, FILE_ID, &id) <= 0 || id > UINT32_MAX)
		return err_say(e, EBADMSG, "a file has no id");
	ret->id = (uint32_t)id;
	int r = wire_find_bytes(entry, FILE_REG, &reg);
	return r > 0 ? read_regular(reg, a, ret, e) : r < 0 ? image_damaged(e) : 0;
}

int image_files_read(int dirfd, struct arena *a, struct image_files *ret, struct err *e)
{
	cleanup_image_files struct image_files f = IMAGE_FILES_INIT;
	struct wire entry;

	int r = image_read(dirfd, "files.img", IMAGE_FILES, &f.image, e);
	if (r < 0)
		return r;
	while ((r = image_next(&f.image, &entry, e)) > 0)
		if (read_file(entry, a, arena_push(a, &f.files, &f.n), e) < 0)
			return err_wrap(e, "'files.img'");
	if (r < 0)
		return err_wrap(e, "'files.img'");
	*ret = f;
	f = IMAGE_FILES_INIT;
	return 0;
}

void image_files_finish(struct image_files *f)
{
	image_finish(&f->image);
	*f = IMAGE_FILES_INIT;
}

const struct image_file *image_files_find(const struct image_files *f, uint64_t id)
{
	for (size_t i = 0; i < f->n; i++)
		if (f->files[i].id == id)
			return &f->files[i];
	return NULL;
}

/* Open for reading, of nobody. */
static void add_external(struct buf *image, const struct image_file *file)
{
	cleanup_buf struct buf owner = BUF_INIT, reg = BUF_INIT, entry = BUF_INIT;

	for (uint32_t i = OWNER_FIRST; i <= OWNER_LAST; i++)
		wire_put_number(&owner, i, 0);
	wire_put_number(&reg, REG_ID, file->id);
	wire_put_number(&reg, REG_FLAGS, O_RDONLY);
	wire_put_number(&reg, REG_POSITION, 0);
	wire_put_bytes(&reg, REG_OWNER, owner.data, owner.len);
	wire_put_string(&reg, REG_NAME, file->name);
	wire_put_number(&reg, REG_SIZE, file->size);
	wire_put_number(&reg, REG_EXTERNAL, true);
	wire_put_number(&entry, FILE_TYPE, TYPE_REG);
	wire_put_number(&entry, FILE_ID, file->id);
	wire_put_bytes(&entry, FILE_REG, reg.data, reg.len);
	image_add(image, &entry);
}

int image_files_write(const struct image_files *f, int dirfd, const struct image_file *more, size_t n, struct err *e)
{
	cleanup_buf struct buf image = BUF_INIT;

	buf_add(&image, f->image.data.data, f->image.data.len);
	for (size_t i = 0; i < n; i++)
		add_external(&image, &more[i]);
	return image_write(dirfd, "files.img", &image, e);
}
