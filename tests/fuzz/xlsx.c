/* A workbook: the first byte says which part of it the rest is, or that it is the file. */
#include "fuzz.h"

#include "error.h"
#include "xlsx.h"

#include <zip.h>

#define RELATIONSHIP(id, type, target)                                                             \
    "<Relationship Id=\"" id "\" Type=\"x/" type "\" Target=\"" target "\"/>"

static const struct {
    const char *name, *text;
} parts[] = {
    {"xl/workbook.xml", "<workbook><sheets><sheet name=\"a\" id=\"r1\"/></sheets></workbook>"},
    {"xl/_rels/workbook.xml.rels",
     "<Relationships>" RELATIONSHIP("r1", "worksheet", "s.xml") RELATIONSHIP(
         "r2", "sharedStrings", "t.xml") RELATIONSHIP("r3", "styles", "f.xml") "</Relationships>"},
    {"xl/s.xml", "<worksheet><sheetData><row r=\"1\"><c r=\"A1\" t=\"s\" s=\"1\"><v>0</v></c>"
                 "</row></sheetData></worksheet>"},
    {"xl/t.xml", "<sst><si><t>a</t></si></sst>"},
    {"xl/f.xml", "<styleSheet><numFmts><numFmt numFmtId=\"164\" formatCode=\"yyyy\"/></numFmts>"
                 "<cellXfs><xf numFmtId=\"0\"/><xf numFmtId=\"164\"/></cellXfs></styleSheet>"},
};
#define PARTS (sizeof parts / sizeof *parts)

static void make(const char *path, size_t which, const uint8_t *data, size_t size)
{
    zip_t *zip = zip_open(path, ZIP_CREATE | ZIP_TRUNCATE, NULL);

    HOLDS(zip != NULL);
    for (size_t i = 0; i < PARTS; i++) {
        const void *bytes = i == which ? (const void *)data : parts[i].text;
        size_t n = i == which ? size : strlen(parts[i].text);
        zip_int64_t at = zip_file_add(zip, parts[i].name, zip_source_buffer(zip, bytes, n, 0), 0);

        HOLDS(at >= 0);
        zip_set_file_compression(zip, (zip_uint64_t)at, ZIP_CM_STORE, 0);
    }
    HOLDS(zip_close(zip) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[64];
    struct error err = {""};
    struct xlsx *x;
    struct csv_row row;
    unsigned long last = 0;
    int rc;

    if (size == 0)
        return 0;
    snprintf(path, sizeof path, "/dev/shm/outreach-fuzz-%d.xlsx", (int)getpid());
    if (data[0] % (PARTS + 1) == PARTS) {
        FILE *f = fopen(path, "w");

        HOLDS(f != NULL && fwrite(data + 1, 1, size - 1, f) == size - 1 && fclose(f) == 0);
    } else {
        make(path, data[0] % (PARTS + 1), data + 1, size - 1);
    }
    x = xlsx_open(path, NULL, &err);
    HOLDS(x != NULL || err.text[0] != '\0');
    while (x != NULL && (rc = xlsx_next(x, &row, &err)) == 1) {
        size_t bytes = 0;

        HOLDS(row.count <= CSV_MAX_FIELDS);
        for (size_t i = 0; i < row.count; i++) {
            bytes += row.fields[i].length;
            for (size_t k = 0; k < row.fields[i].length; k++) /* all of it is there to be read */
                last += (unsigned char)row.fields[i].bytes[k];
        }
        HOLDS(bytes <= CSV_ROW_BYTES);
    }
    (void)last;
    xlsx_close(x);
    unlink(path);
    return 0;
}
