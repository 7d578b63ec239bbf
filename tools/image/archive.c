/* SPDX-License-Identifier: Apache-2.0 */
#include "archive.h"

#include "text.h"

#include <stdlib.h>
#include <string.h>

#define SMALL_ALIGNMENT 4096u
#define LARGE_ALIGNMENT (2u << 20)
#define LARGE_FILE MIB

/* All numbers of the format are little-endian, as the build machine is. */
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "build on a little-endian machine");

uint32_t archive_checksum(const uint8_t *data, size_t size)
{
	static uint32_t table[8][256];
	uint32_t crc = 0xffffffffu;

	if (!table[0][1]) {
		for (uint32_t i = 0; i < 256; i++) {
			uint32_t value = i;

			for (int bit = 0; bit < 8; bit++)
				value = value >> 1 ^ (value & 1 ? 0xedb88320u : 0);
			table[0][i] = value;
		}
		for (size_t k = 1; k < 8; k++)
			for (size_t i = 0; i < 256; i++)
				table[k][i] = table[k - 1][i] >> 8 ^ table[0][table[k - 1][i] & 0xff];
	}
	/* Eight bytes at a step: kernels have tens of megabytes. */
	for (; size >= 8; size -= 8, data += 8) {
		uint32_t low, high;

		memcpy(&low, data, 4);
		memcpy(&high, data + 4, 4);
		low ^= crc;
		crc = table[7][low & 0xff] ^ table[6][low >> 8 & 0xff] ^ table[5][low >> 16 & 0xff] ^ table[4][low >> 24] ^
			table[3][high & 0xff] ^ table[2][high >> 8 & 0xff] ^ table[1][high >> 16 & 0xff] ^ table[0][high >> 24];
	}
	while (size--)
		crc = crc >> 8 ^ table[0][(crc ^ *data++) & 0xff];
	return ~crc;
}

const char *archive_find_content(const struct archive *archive, const uint8_t *data, size_t size)
{
	for (size_t i = 0; i < archive->files; i++)
		if (archive->file[i].size == size && !memcmp(archive->file[i].data, data, size))
			return archive->file[i].name;
	return NULL;
}

bool archive_add(struct archive *archive, const char *name, uint8_t *data, size_t size)
{
	struct archive_file *file = &archive->file[archive->files];

	if (archive->files == ARCHIVE_ENTRIES_MAX || strlen(name) >= ARCHIVE_NAME_MAX || !*name || size > ARCHIVE_FILE_MAX)
		return false;
	for (size_t i = 0; i < archive->files; i++)
		if (!strcmp(archive->file[i].name, name))
			return false;
	memset(file, 0, sizeof(*file));
	memcpy(file->name, name, strlen(name));
	file->data = data;
	file->size = size;
	file->checksum = archive_checksum(data, size);
	archive->files++;
	return true;
}

static uint64_t align(uint64_t value, uint64_t alignment)
{
	return (value + alignment - 1) / alignment * alignment;
}

/* Decides where each file stands. */
static struct archive_header *make_header(const struct archive *archive, size_t *header_size)
{
	struct archive_header *header;
	uint64_t offset;

	*header_size = sizeof(*header) + archive->files * sizeof(header->entry[0]);
	header = memory_allocate(*header_size);
	header->magic = ARCHIVE_MAGIC;
	header->version = SERAI_ABI_VERSION;
	header->entries = (uint32_t)archive->files;
	offset = *header_size;
	for (size_t i = 0; i < archive->files; i++) {
		struct archive_entry *entry = &header->entry[i];

		memcpy(entry->name, archive->file[i].name, sizeof(entry->name));
		entry->alignment = archive->file[i].size >= LARGE_FILE ? LARGE_ALIGNMENT : SMALL_ALIGNMENT;
		entry->offset = offset = align(offset, entry->alignment);
		entry->size = archive->file[i].size;
		entry->checksum = archive->file[i].checksum;
		offset += entry->size;
	}
	header->size = align(offset, LARGE_ALIGNMENT);
	return header;
}

static bool write_all(const struct archive *archive, const struct archive_header *header, size_t header_size, FILE *file)
{
	if (fwrite(header, 1, header_size, file) != header_size)
		return false;
	for (size_t i = 0; i < archive->files; i++) {
		if (fseek(file, (long)header->entry[i].offset, SEEK_SET))
			return false;
		if (fwrite(archive->file[i].data, 1, archive->file[i].size, file) != archive->file[i].size)
			return false;
	}
	/* The last byte gives the file its size; gaps read as zero. */
	return !fseek(file, (long)header->size - 1, SEEK_SET) && fputc(0, file) == 0;
}

bool archive_write(const struct archive *archive, const char *path)
{
	size_t header_size, length = strlen(path) + 16;
	struct archive_header *header = make_header(archive, &header_size);
	char *partial = memory_allocate(length);
	bool good = false;
	FILE *file;

	snprintf(partial, length, "%s.partial", path);
	file = fopen(partial, "wb");
	if (file) {
		good = write_all(archive, header, header_size, file);
		good = !fclose(file) && good;
		good = good && !rename(partial, path);
		if (!good)
			remove(partial);
	}
	free(partial);
	free(header);
	return good;
}

static const char *entry_fault(const struct archive_entry *entry, uint64_t after, uint64_t size)
{
	if (!memchr(entry->name, 0, sizeof(entry->name)) || !entry->name[0])
		return "has a bad name";
	if (entry->alignment != SMALL_ALIGNMENT && entry->alignment != LARGE_ALIGNMENT)
		return "has a bad alignment";
	if (entry->size >= LARGE_FILE && entry->alignment != LARGE_ALIGNMENT)
		return "is large but not aligned to 2 MiB";
	if (entry->offset % entry->alignment)
		return "is not aligned";
	if (entry->offset < after)
		return "overlaps what stands before it";
	if (entry->offset > size || entry->size > size - entry->offset)
		return "ends beyond the archive";
	return NULL;
}

static bool is_name_taken(const struct archive_header *header, uint32_t index)
{
	for (uint32_t i = 0; i < index; i++)
		if (!strncmp(header->entry[i].name, header->entry[index].name, ARCHIVE_NAME_MAX))
			return true;
	return false;
}

static const char *header_fault(const struct archive_header *header, size_t size)
{
	if (size < sizeof(*header) || header->magic != ARCHIVE_MAGIC)
		return "this is not a boot archive";
	if (header->version != SERAI_ABI_VERSION)
		return "the archive is of another version";
	if (header->reserved || header->reserved1)
		return "a reserved field is not zero";
	if (header->entries > ARCHIVE_ENTRIES_MAX || size < sizeof(*header) + header->entries * sizeof(header->entry[0]))
		return "the number of files is impossible";
	if (header->size != size || size % LARGE_ALIGNMENT)
		return "the size is wrong: the file is cut off or has grown";
	return NULL;
}

unsigned archive_inspect(const uint8_t *data, size_t size, FILE *out, FILE *errors)
{
	const struct archive_header *header = (const void *)data;
	const char *fault = header_fault(header, size);
	unsigned faults = 0;
	uint64_t after;

	if (fault) {
		fprintf(errors, "error: %s\n", fault);
		return 1;
	}
	after = sizeof(*header) + header->entries * sizeof(header->entry[0]);
	for (uint32_t i = 0; i < header->entries; i++) {
		const struct archive_entry *entry = &header->entry[i];

		fault = entry_fault(entry, after, size);
		if (!fault && is_name_taken(header, i))
			fault = "has the name of another file";
		if (!fault && archive_checksum(data + entry->offset, entry->size) != entry->checksum)
			fault = "has a wrong checksum";
		if (fault) {
			fprintf(errors, "error: file %u (%.*s) %s\n", i, (int)ARCHIVE_NAME_MAX, entry->name, fault);
			faults++;
			continue;
		}
		after = entry->offset + entry->size;
		if (out)
			fprintf(out, "%-12s %10llu bytes at %#10llx  crc32 %08x\n", entry->name, (unsigned long long)entry->size,
				(unsigned long long)entry->offset, entry->checksum);
	}
	return faults;
}

void archive_free(struct archive *archive)
{
	for (size_t i = 0; i < archive->files; i++)
		free(archive->file[i].data);
	archive->files = 0;
}
