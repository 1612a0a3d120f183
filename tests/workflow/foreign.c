/* Handlers in C, as tests/workflow/test_foreign.py declares them. */

#include <stdio.h>
#include <string.h>

int copy(const char *input, size_t input_bytes, char *output, size_t output_bytes) {
    if (input[input_bytes] != 0 || input_bytes > output_bytes)
        return (int)input_bytes;
    memcpy(output, input, input_bytes);
    return (int)input_bytes;
}

int fail(const char *input, size_t input_bytes, char *output, size_t output_bytes) {
    return -7;
}

int scribble(const char *input, size_t input_bytes, char *output, size_t output_bytes) {
    return snprintf(output, output_bytes, "no JSON");
}

double area(double width, double height) {
    return width * height;
}

int next(short number) {
    return number + 1;
}

const char *text(void) {
    return "text";
}
