# SPDX-License-Identifier: Apache-2.0
# Runs the instrumented tests in FOLDER, and prints the share of the generic kernel's lines that they reach.
file(GLOB_RECURSE old ${FOLDER}/*.gcda)
if(old)
	file(REMOVE ${old})
endif()
foreach(program ${PROGRAMS})
	execute_process(COMMAND ${FOLDER}/${program} RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)
	if(result)
		message(FATAL_ERROR "${program} failed:\n${output}")
	endif()
endforeach()
execute_process(
	COMMAND ${GCOVR} --root ${ROOT} --filter "${ROOT}/kernel/[^/]*\\.[ch]$" --filter "${ROOT}/kernel/include/[^/]*\\.h$"
		--object-directory ${FOLDER} ${FOLDER}/CMakeFiles/kernel_covered.dir --json-summary-pretty
	RESULT_VARIABLE result OUTPUT_VARIABLE summary ERROR_VARIABLE errors)
if(result)
	message(FATAL_ERROR "gcovr failed:\n${errors}")
endif()
string(JSON covered GET "${summary}" line_covered)
string(JSON total GET "${summary}" line_total)
math(EXPR tenths "${covered} * 1000 / ${total}")
math(EXPR whole "${tenths} / 10")
math(EXPR rest "${tenths} % 10")
message(NOTICE "kernel line coverage: ${whole}.${rest} % (${covered} of ${total} lines)")
if(whole LESS LEAST)
	message(FATAL_ERROR "at least ${LEAST} % are wanted")
endif()
