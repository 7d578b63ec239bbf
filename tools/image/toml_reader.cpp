/* SPDX-License-Identifier: Apache-2.0 */
#define TOML_EXCEPTIONS 0
#define TOML_HEADER_ONLY 1
#include <toml++/toml.h>

#include "toml_reader.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

namespace {

using work_list = std::vector<std::pair<const toml::table *, toml_node *>>;

void *allocate(size_t count, size_t size)
{
	void *memory = std::calloc(count ? count : 1, size);

	if (!memory)
		std::abort();
	return memory;
}

char *copy_string(const std::string &from)
{
	char *to = static_cast<char *>(allocate(from.size() + 1, 1));

	std::memcpy(to, from.data(), from.size());
	return to;
}

void fill_value(toml_node *node, const toml::node &value)
{
	node->kind = TOML_OTHER;
	if (value.is_table())
		node->kind = TOML_TABLE;
	if (const auto *string = value.as_string()) {
		node->kind = TOML_STRING;
		node->string = copy_string(string->get());
		node->truncated = string->get().find('\0') != std::string::npos;
	}
	if (const auto *integer = value.as_integer()) {
		node->kind = TOML_INTEGER;
		node->integer = integer->get();
	}
	if (const auto *boolean = value.as_boolean()) {
		node->kind = TOML_BOOLEAN;
		node->boolean = boolean->get();
	}
}

void fill_array(toml_node *node, const toml::array &array, work_list &work)
{
	size_t i = 0;

	node->kind = TOML_ARRAY;
	node->children = array.size();
	node->child = static_cast<toml_node *>(allocate(node->children, sizeof(*node->child)));
	for (const auto &value : array) {
		toml_node *child = &node->child[i++];

		child->line = value.source().begin.line;
		child->column = value.source().begin.column;
		fill_value(child, value);
		if (const auto *inner = value.as_table())
			work.emplace_back(inner, child);
	}
}

bool stands_before(const toml_node &a, const toml_node &b)
{
	return a.line != b.line ? a.line < b.line : a.column < b.column;
}

void fill_table(toml_node *node, const toml::table &table, work_list &work)
{
	size_t i = 0;

	node->kind = TOML_TABLE;
	node->children = table.size();
	node->child = static_cast<toml_node *>(allocate(node->children, sizeof(*node->child)));
	for (const auto &[key, value] : table) {
		toml_node *child = &node->child[i++];

		child->key = copy_string(std::string(key.str()));
		child->line = key.source().begin.line;
		child->column = key.source().begin.column;
		fill_value(child, value);
		if (const auto *array = value.as_array())
			fill_array(child, *array, work);
	}
	std::sort(node->child, node->child + node->children, stands_before);
	for (i = 0; i < node->children; i++)
		if (const auto *inner = table[node->child[i].key].as_table())
			work.emplace_back(inner, &node->child[i]);
}

} // namespace

toml_node *toml_read(const char *text, size_t length, toml_error *error)
{
	const toml::parse_result result = toml::parse(std::string_view(text, length));

	if (!result) {
		error->line = result.error().source().begin.line;
		std::snprintf(error->text, sizeof(error->text), "%.*s", static_cast<int>(result.error().description().size()),
			result.error().description().data());
		return nullptr;
	}
	toml_node *root = static_cast<toml_node *>(allocate(1, sizeof(*root)));
	work_list work{ { &result.table(), root } };
	while (!work.empty()) {
		const auto [table, node] = work.back();

		work.pop_back();
		fill_table(node, *table, work);
	}
	return root;
}

void toml_free(toml_node *root)
{
	std::vector<std::pair<toml_node *, size_t>> arrays;

	if (root)
		arrays.emplace_back(root, 1);
	while (!arrays.empty()) {
		const auto [array, count] = arrays.back();

		arrays.pop_back();
		for (size_t i = 0; i < count; i++) {
			if (array[i].child)
				arrays.emplace_back(array[i].child, array[i].children);
			std::free(array[i].key);
			std::free(array[i].string);
		}
		std::free(array);
	}
}
