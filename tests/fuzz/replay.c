/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a fuzzer's kept inputs without libFuzzer: every file of the folder that is named on the command line. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define INPUT_MAX (1u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t input[INPUT_MAX];

static int replay(const char *folder, const char *name)
{
	char path[4096];
	FILE *file;

	if (snprintf(path, sizeof(path), "%s/%s", folder, name) >= (int)sizeof(path))
		return -1;
	file = fopen(path, "rb");
	if (!file)
		return -1;
	size_t size = fread(input, 1, sizeof(input), file);
	int bad = ferror(file) || fgetc(file) != EOF;

	(void)fclose(file);
	return bad ? -1 : LLVMFuzzerTestOneInput(input, size);
}

int main(int argc, char **argv)
{
	unsigned done = 0;
	DIR *folder = argc == 2 ? opendir(argv[1]) : NULL;

	if (!folder) {
		fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
		return 2;
	}
	for (const struct dirent *entry = readdir(folder); entry; entry = readdir(folder)) {
		if (entry->d_name[0] == '.')
			continue;
		printf("%s\n", entry->d_name);
		fflush(stdout);
		if (replay(argv[1], entry->d_name)) {
			fprintf(stderr, "cannot replay %s\n", entry->d_name);
			return 1;
		}
		done++;
	}
	(void)closedir(folder);
	if (!done)
		fprintf(stderr, "no inputs in %s\n", argv[1]);
	return done ? 0 : 1;
}
