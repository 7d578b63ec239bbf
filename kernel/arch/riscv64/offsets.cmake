# SPDX-License-Identifier: Apache-2.0
# Writes HEADER from the marked strings in OBJECT, the compiled offsets.c.
file(STRINGS ${OBJECT} lines REGEX "@ [A-Z_]+ -?[0-9]+")
set(text "/* Generated from offsets.c. */\n")
foreach(line IN LISTS lines)
	string(REGEX MATCHALL "@ [A-Z_]+ -?[0-9]+" entries "${line}")
	foreach(entry IN LISTS entries)
		string(REGEX REPLACE "^@ " "#define " entry "${entry}")
		string(APPEND text "${entry}\n")
	endforeach()
endforeach()
file(WRITE ${HEADER} "${text}")
