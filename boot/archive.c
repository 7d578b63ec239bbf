/* SPDX-License-Identifier: Apache-2.0 */
#include "archive.h"

#include <string.h>

static const char *check_entry(const struct archive_header *archive, const struct archive_entry *entry)
{
	uint64_t files = sizeof(*archive) + archive->entries * sizeof(*entry);

	if (entry->name[0] == '\0' || memchr(entry->name, '\0', sizeof(entry->name)) == NULL)
		return "a file has no proper name";
	if (entry->alignment < 4096 || (entry->alignment & (entry->alignment - 1)) != 0)
		return "a file's alignment is no power of two of 4096 or more";
	if (entry->offset < files || (entry->offset & (entry->alignment - 1)) != 0)
		return "a file starts at a wrong place";
	if (entry->offset > archive->size || entry->size > archive->size - entry->offset)
		return "a file ends behind the archive";
	return NULL;
}

const char *archive_check(const struct archive_header *archive, uint64_t available)
{
	if (available < sizeof(*archive) || archive->magic != ARCHIVE_MAGIC)
		return "it is not a boot archive";
	if (archive->version != SERAI_ABI_VERSION)
		return "it was made for another version of Serai";
	if (archive->entries > ARCHIVE_ENTRIES_MAX || archive->reserved != 0 || archive->reserved1 != 0)
		return "its header is damaged";
	if (archive->size == 0 || archive->size % ARCHIVE_ALIGNMENT != 0)
		return "its size is no multiple of 2 MiB";
	if (archive->size > available)
		return "it is cut off";
	for (uint32_t i = 0; i < archive->entries; i++) {
		const char *error = check_entry(archive, &archive->entry[i]);

		if (error != NULL)
			return error;
	}
	return NULL;
}

const struct archive_entry *archive_find(const struct archive_header *archive, const char *name)
{
	for (uint32_t i = 0; i < archive->entries; i++)
		if (strcmp(archive->entry[i].name, name) == 0)
			return &archive->entry[i];
	return NULL;
}
