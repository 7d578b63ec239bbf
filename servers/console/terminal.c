/* SPDX-License-Identifier: Apache-2.0 */
/* The line model of a guest's terminal: ECMA-48 and the xterm control sequences that line editors and full-screen programs use. */
#include "terminal.h"

#include <string.h>

#include "bytes.h"

void terminal_reset(struct terminal *terminal)
{
	memset(terminal, 0, sizeof(*terminal));
}

void terminal_clear_line(struct terminal *terminal)
{
	terminal->length = 0;
	terminal->plain = 0;
	terminal->cursor = 0;
	terminal->uncertain = false;
}

static bool style_equal(struct style a, struct style b)
{
	return a.foreground == b.foreground && a.background == b.background && a.flags == b.flags;
}

/* Makes cells of the plain part: something else happens to it than what terminal_print does. */
static void settle(struct terminal *terminal)
{
	unsigned i;

	for (i = 0; i < terminal->plain; i++)
		terminal->cell[i] = (struct cell){.bytes = {terminal->text[i]}, .length = 1};
	terminal->plain = 0;
}

/* Cells from the cursor on are changed. */
static void settle_from_cursor(struct terminal *terminal)
{
	if (terminal->cursor < terminal->plain)
		settle(terminal);
}

static void set_blank(struct cell *cell)
{
	*cell = (struct cell){.bytes = " ", .length = 1};
}

/* Blank cells up to `end`. */
static void extend(struct terminal *terminal, unsigned end)
{
	while (terminal->length < end)
		set_blank(&terminal->cell[terminal->length++]);
}

static unsigned limit(unsigned value, unsigned maximum)
{
	return value < maximum ? value : maximum;
}

static enum terminal_event print(struct terminal *terminal)
{
	const struct filter *filter = &terminal->filter;
	struct cell *cell;

	settle_from_cursor(terminal);
	extend(terminal, terminal->cursor + 1u);
	cell = &terminal->cell[terminal->cursor++];
	memset(cell, 0, sizeof(*cell));
	cell->length = (uint8_t)limit(filter->raw_length, sizeof(cell->bytes));
	memcpy(cell->bytes, filter->raw, cell->length);
	cell->style = terminal->style;
	return terminal->cursor == TERMINAL_CELLS ? TERMINAL_WRAP : TERMINAL_PRINT;
}

static enum terminal_event control(struct terminal *terminal)
{
	unsigned stop;

	switch (terminal->filter.raw[0]) {
	case '\n':
		return TERMINAL_LINE;
	case '\r':
		terminal->cursor = 0;
		break;
	case '\b':
		if (terminal->cursor)
			terminal->cursor--;
		break;
	case '\t':
		stop = limit((terminal->cursor | 7u) + 1, TERMINAL_CELLS - 1);
		extend(terminal, stop);
		terminal->cursor = (uint16_t)stop;
		break;
	default:
		break;
	}
	return TERMINAL_PASS;
}

static void set_flag(struct style *style, unsigned parameter)
{
	static const uint8_t on[10] = {0, STYLE_BOLD, STYLE_DIM, STYLE_ITALIC, STYLE_UNDERLINE, STYLE_BLINK, STYLE_BLINK,
		STYLE_REVERSE, 0, 0};

	if (parameter < 10)
		style->flags |= on[parameter];
	else if (parameter == 22)
		style->flags &= (uint8_t)~(STYLE_BOLD | STYLE_DIM);
	else if (parameter >= 23 && parameter <= 27)
		style->flags &= (uint8_t)~on[parameter - 20];
}

/* 38 and 48: "5;n" from the palette of 256, "2;r;g;b" direct. Only the first 16 colours are kept. Returns parameters used. */
static unsigned set_wide_color(struct style *style, const uint16_t *parameter, unsigned left)
{
	bool background = parameter[0] == 48;
	unsigned color;

	if (left >= 2 && parameter[1] == 2)
		return limit(5, left);
	if (left < 3 || parameter[1] != 5)
		return left;
	if (parameter[2] < 16) {
		color = parameter[2] < 8 ? 30u + parameter[2] : 82u + parameter[2];
		if (background)
			style->background = (uint8_t)(color + 10);
		else
			style->foreground = (uint8_t)color;
	}
	return 3;
}

/* Select graphic rendition (ECMA-48 8.3.117). */
static void set_style(struct terminal *terminal)
{
	const struct filter *filter = &terminal->filter;
	struct style *style = &terminal->style;
	unsigned i = 0;

	while (i < filter->parameters) {
		unsigned parameter = filter->parameter[i];

		if (parameter == 38 || parameter == 48) {
			i += set_wide_color(style, filter->parameter + i, filter->parameters - i);
			continue;
		}
		if (parameter == 0)
			*style = (struct style){0};
		else if (parameter < 30)
			set_flag(style, parameter);
		else if (parameter <= 37 || (parameter >= 90 && parameter <= 97))
			style->foreground = (uint8_t)parameter;
		else if (parameter == 39)
			style->foreground = 0;
		else if ((parameter >= 40 && parameter <= 47) || (parameter >= 100 && parameter <= 107))
			style->background = (uint8_t)parameter;
		else if (parameter == 49)
			style->background = 0;
		i++;
	}
}

static void delete_cells(struct terminal *terminal, unsigned count)
{
	unsigned left = terminal->length > terminal->cursor ? (unsigned)(terminal->length - terminal->cursor) : 0;

	settle_from_cursor(terminal);
	count = limit(count, left);
	memmove(&terminal->cell[terminal->cursor], &terminal->cell[terminal->cursor + count],
		(left - count) * sizeof(struct cell));
	terminal->length = (uint16_t)(terminal->length - count);
}

static void insert_cells(struct terminal *terminal, unsigned count)
{
	unsigned i, moved;

	if (terminal->cursor >= terminal->length)
		return;
	settle_from_cursor(terminal);
	count = limit(count, TERMINAL_CELLS - 1u - terminal->cursor);
	moved = limit((unsigned)(terminal->length - terminal->cursor), TERMINAL_CELLS - 1u - terminal->cursor - count);
	memmove(&terminal->cell[terminal->cursor + count], &terminal->cell[terminal->cursor], moved * sizeof(struct cell));
	for (i = 0; i < count; i++)
		set_blank(&terminal->cell[terminal->cursor + i]);
	terminal->length = (uint16_t)(terminal->cursor + count + moved);
}

/* Erase in line, and in display as far as this line goes: 0 from the cursor, 1 up to it, 2 all. */
static void erase(struct terminal *terminal, unsigned how)
{
	unsigned i;

	if (how == 0 && terminal->cursor < terminal->length)
		terminal->length = terminal->cursor;
	if (how == 1)
		settle(terminal);
	for (i = 0; how == 1 && i <= terminal->cursor && i < terminal->length; i++)
		set_blank(&terminal->cell[i]);
	if (how >= 2)
		terminal->length = 0;
	terminal->plain = (uint16_t)limit(terminal->plain, terminal->length);
}

static void move_to(struct terminal *terminal, unsigned column)
{
	terminal->cursor = (uint16_t)limit(column, TERMINAL_CELLS - 1);
}

static void set_private_mode(struct terminal *terminal, bool on)
{
	const struct filter *filter = &terminal->filter;
	unsigned i;

	terminal->modes = true;
	for (i = 0; i < filter->parameters; i++) {
		if (filter->parameter[i] == 47 || filter->parameter[i] == 1047 || filter->parameter[i] == 1049) {
			terminal->alternate = on;
			terminal_clear_line(terminal);
			if (!on)
				terminal->addressed = false;
		}
	}
}

static void control_sequence(struct terminal *terminal)
{
	const struct filter *filter = &terminal->filter;
	unsigned first = filter->parameter[0], count = first ? first : 1;

	if (filter->prefix || filter->intermediate) {
		if (filter->prefix == '?' && (filter->final == 'h' || filter->final == 'l'))
			set_private_mode(terminal, filter->final == 'h');
		return;
	}
	switch (filter->final) {
	case 'm':
		set_style(terminal);
		break;
	case 'C':
		move_to(terminal, terminal->cursor + count);
		break;
	case 'D':
		move_to(terminal, terminal->cursor > count ? terminal->cursor - count : 0);
		break;
	case 'G':
	case '`':
		move_to(terminal, count - 1);
		break;
	case 'J':
	case 'K':
		erase(terminal, first);
		break;
	case 'P':
		delete_cells(terminal, count);
		break;
	case '@':
		insert_cells(terminal, count);
		break;
	case 'A':
	case 'B':
	case 'E':
	case 'F':
		terminal->uncertain = true;
		break;
	case 'r': /* scrolling region; the cursor goes home */
	case 'H':
	case 'f':
	case 'd':
		terminal->modes |= filter->final == 'r';
		terminal_clear_line(terminal);
		terminal->addressed = true;
		break;
	default:
		break;
	}
}

static void escape_sequence(struct terminal *terminal)
{
	const struct filter *filter = &terminal->filter;

	if (filter->intermediate || filter->final == '=' || filter->final == '>')
		terminal->modes = true;
	else if (filter->final == 'M')
		terminal->uncertain = true;
	else if (filter->final == 'c') { /* reset to initial state */
		terminal->alternate = false;
		terminal->style = (struct style){0};
		terminal_clear_line(terminal);
		terminal->addressed = true;
	}
}

enum terminal_event terminal_feed(struct terminal *terminal, uint8_t byte)
{
	switch (filter_feed(&terminal->filter, byte)) {
	case FILTER_PRINT:
		return print(terminal);
	case FILTER_CONTROL:
		return control(terminal);
	case FILTER_CSI:
		control_sequence(terminal);
		return TERMINAL_PASS;
	case FILTER_ESCAPE:
		escape_sequence(terminal);
		return TERMINAL_PASS;
	case FILTER_STRING:
		return TERMINAL_PASS;
	case FILTER_PENDING:
	case FILTER_DROPPED:
	default:
		return TERMINAL_NONE;
	}
}

size_t terminal_printable(const struct terminal *terminal, const uint8_t *bytes, size_t length)
{
	size_t room = TERMINAL_CELLS - 1u - terminal->cursor; /* the last one wraps */

	if (!filter_idle(&terminal->filter))
		return 0;
	return bytes_printable(bytes, length < room ? length : room);
}

void terminal_print(struct terminal *terminal, const uint8_t *bytes, size_t length)
{
	unsigned end = terminal->cursor + (unsigned)length, i;

	if (style_plain(terminal->style) && terminal->cursor <= terminal->plain) {
		memcpy(terminal->text + terminal->cursor, bytes, length);
		if (terminal->plain < end)
			terminal->plain = (uint16_t)end;
	} else {
		struct cell cell = {.length = 1, .style = terminal->style};

		settle_from_cursor(terminal);
		extend(terminal, terminal->cursor);
		for (i = terminal->cursor; i < end; i++) {
			cell.bytes[0] = *bytes++;
			terminal->cell[i] = cell;
		}
	}
	terminal->cursor = (uint16_t)end;
	if (terminal->length < end)
		terminal->length = (uint16_t)end;
}

static size_t put_number(char *out, unsigned value)
{
	size_t length = 0;

	out[length++] = ';';
	if (value >= 100)
		out[length++] = (char)('0' + value / 100);
	if (value >= 10)
		out[length++] = (char)('0' + value / 10 % 10);
	out[length++] = (char)('0' + value % 10);
	return length;
}

size_t terminal_style(struct style style, char out[TERMINAL_STYLE_MAX])
{
	static const uint8_t parameter[6] = {1, 2, 3, 4, 5, 7};
	size_t length = 3;
	unsigned i;

	memcpy(out, "\033[0", 3);
	for (i = 0; i < 6; i++) {
		if (style.flags & 1u << i)
			length += put_number(out + length, parameter[i]);
	}
	if (style.foreground)
		length += put_number(out + length, style.foreground);
	if (style.background)
		length += put_number(out + length, style.background);
	out[length++] = 'm';
	return length;
}

size_t terminal_render(const struct terminal *terminal, unsigned from, uint8_t out[TERMINAL_TEXT_MAX])
{
	const struct style plain = {0};
	struct style style = plain;
	char sequence[TERMINAL_STYLE_MAX];
	size_t used = 0, size;
	unsigned i;

	if (from < terminal->plain) {
		used = terminal->plain - from;
		memcpy(out, terminal->text + from, used);
		from = terminal->plain;
	}
	for (i = from; i < terminal->length; i++) {
		const struct cell *cell = &terminal->cell[i];
		size_t needed = used + 4u * (terminal->length - i) + 2 * TERMINAL_STYLE_MAX;

		if (!style_equal(cell->style, style) && needed <= TERMINAL_TEXT_MAX) {
			size = terminal_style(cell->style, sequence);
			memcpy(out + used, sequence, size);
			used += size;
			style = cell->style;
		}
		memcpy(out + used, cell->bytes, cell->length);
		used += cell->length;
	}
	if (!style_equal(style, plain)) {
		size = terminal_style(plain, sequence);
		memcpy(out + used, sequence, size);
		used += size;
	}
	return used;
}
