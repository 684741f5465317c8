/* A log in one file, one line an item, driven by JSON lines on standard input and output.
 *
 *     cc -o log log.c && ./log        synced: append, then fsync, then answer
 *     ./log unsynced                  the same without the fsync
 *
 * A driver needs no JSON library as long as it is asked for simple things: what is written here is
 * each item as it stands in the request, between its quotes, escapes and all.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int synced = 1;
static int file = -1;
static char path[4096], folder[4096];

static void answer(const char *text)
{
    printf("%s\n", text);
    fflush(stdout);
}

/* The text of a member, without its quotes: where it begins, and its length. */
static const char *member(const char *line, const char *name, size_t *length)
{
    char key[64];
    snprintf(key, sizeof key, "\"%s\": \"", name);
    const char *begin = strstr(line, key);
    if (begin == NULL)
        return NULL;
    begin += strlen(key);
    const char *end = begin;
    while (*end != '\0' && *end != '"')
        end += *end == '\\' && end[1] != '\0' ? 2 : 1;
    *length = (size_t)(end - begin);
    return begin;
}

static int is(const char *line, const char *name)
{
    size_t length;
    const char *what = member(line, "do", &length);
    return what != NULL && length == strlen(name) && strncmp(what, name, length) == 0;
}

static int sync_folder(void)
{
    int descriptor = open(folder, O_RDONLY | O_DIRECTORY);
    if (descriptor < 0)
        return -1;
    int result = fsync(descriptor);
    close(descriptor);
    return result;
}

/* Opening is recovery: what follows the last whole line was never acknowledged, and goes. */
static int open_log(const char *line)
{
    size_t length;
    const char *directory = member(line, "directory", &length);
    if (directory == NULL || length > 4000)
        return -1;
    snprintf(folder, sizeof folder, "%.*s", (int)length, directory);
    snprintf(path, sizeof path, "%.*s/log", (int)length, directory);
    file = open(path, O_RDWR | O_CREAT, 0644);
    if (file < 0)
        return -1;
    off_t whole = 0, at = 0;
    char byte;
    while (pread(file, &byte, 1, at) == 1) {
        at++;
        if (byte == '\0')
            break; /* a size that reached the disk without its data */
        if (byte == '\n')
            whole = at;
    }
    if (ftruncate(file, whole) < 0 || lseek(file, whole, SEEK_SET) < 0)
        return -1;
    return synced ? (fsync(file) < 0 ? -1 : sync_folder()) : 0;
}

static int append(const char *line)
{
    size_t length;
    const char *item = member(line, "item", &length);
    if (item == NULL)
        return -1;
    off_t before = lseek(file, 0, SEEK_CUR);
    char *whole = malloc(length + 1);
    memcpy(whole, item, length);
    whole[length] = '\n';
    ssize_t written = write(file, whole, length + 1);
    free(whole);
    if (written == (ssize_t)length + 1 && (!synced || fsync(file) == 0))
        return 0;
    /* An item that failed is not to be seen, nor to come before the next one. */
    if (ftruncate(file, before) < 0 || lseek(file, before, SEEK_SET) < 0)
        abort(); /* and what is on the disk now is for the next opening to say */
    return -1;
}

static void observe(void)
{
    char byte;
    off_t at = 0;
    int inside = 0, first = 1;
    printf("{\"ok\": [");
    while (pread(file, &byte, 1, at++) == 1) {
        if (!inside) {
            printf(first ? "\"" : ", \"");
            inside = 1;
            first = 0;
        }
        if (byte == '\n') {
            printf("\"");
            inside = 0;
        } else
            putchar(byte);
    }
    answer("]}");
}

int main(int count, char **words)
{
    char *line = NULL;
    size_t room = 0;
    synced = !(count > 1 && strcmp(words[1], "unsynced") == 0);
    while (getline(&line, &room, stdin) > 0) {
        if (is(line, "open"))
            answer(open_log(line) < 0 ? "{\"error\": \"cannot open the log\"}"
                                      : "{\"ok\": {\"reopens\": true}}");
        else if (is(line, "append"))
            answer(append(line) < 0 ? "{\"error\": \"cannot append\"}" : "{\"ok\": null}");
        else if (is(line, "observe"))
            observe();
        else if (is(line, "close")) {
            close(file);
            answer("{\"ok\": null}");
        } else
            answer("{\"error\": \"what is that?\"}");
    }
    return 0;
}
