/* SPDX-License-Identifier: Apache-2.0 */
/* What is on the terminal: the owner's unfinished line at the bottom, and whole lines printed above it. */
#pragma once

#include "mux.h"

/* Bytes as they are. */
void screen_raw(struct mux *mux, const void *bytes, size_t length);
void screen_text(struct mux *mux, const char *text);

/* There is room for one step of work. */
bool screen_ready(const struct mux *mux);

/* Prepares the labels of a channel with its name and colour. */
void screen_make_labels(struct channel *channel);

/* The label of a channel for one kind of line, with its colours. */
void screen_label(struct mux *mux, const struct channel *channel, enum line_source source);

/* Takes the owner's unfinished line away: the cursor is at the start of an empty line. */
void screen_begin(struct mux *mux);

/* As screen_begin, but leaves that line readable above. */
void screen_break(struct mux *mux);

/* Shows the owner's unfinished line again. */
void screen_restore(struct mux *mux);

/* One whole line of a channel. */
void screen_line(struct mux *mux, const struct channel *channel, enum line_source source, const uint8_t *text,
	size_t length);

/* One line of the console itself, in the form of printf; at most 255 bytes. */
void screen_print(struct mux *mux, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Puts back terminal modes that the focused guest has changed. */
void screen_leave(struct mux *mux);

/* The screen belongs to the focused guest's full-screen program, or to the listing of a log. */
bool screen_held(const struct mux *mux);
