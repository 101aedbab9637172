// How values cross, and what is known of their types; part of host.h.
#ifndef PYHOST_VALUES_H
#define PYHOST_VALUES_H

#include "python.h"

struct py_interp;
struct py_frame;

// The form in which values cross; numbers are little-endian. unpack.c and pack.c are C's half,
// encode*.go and decode*.go Go's.
enum {
    PY_T_NONE,
    PY_T_FALSE,
    PY_T_TRUE,
    PY_T_INT,     // int64
    PY_T_BIG,     // u64 n, n bytes of two's complement
    PY_T_FLOAT,   // float64
    PY_T_COMPLEX, // two float64
    PY_T_STR8,    // u8 n, n bytes of UTF-8
    PY_T_STR,     // u64 n, n bytes
    PY_T_BYTES,   // u64 n, n bytes
    PY_T_LIST,
    PY_T_TUPLE,
    PY_T_SET,  // u64 n, n values
    PY_T_DICT, // u64 n, n times key, value
    PY_T_INTS,
    PY_T_FLOATS,   // u64 n, n times 8 bytes: a list of int64, of float64
    PY_T_SPECIAL,  // u8 of PY_V_*, one value
    PY_T_INSTANCE, // u64 number of a registered class, one value; to Go only
    PY_T_RECORD,   // u64 n, n values: the fields of a shape, in order; to Go only
    PY_T_MISSING,  // in place of a field that is not there
    PY_T_ARRAY,    // u8 kind as in numpy, u8 bytes an item, u8 n, n times u64, items; to Go only
    PY_T_FAR,      // u8 PY_T_STR or PY_T_BYTES; to Go: u64 index of the frame's far blobs; from Go:
                   // u64 address, pinned for the call, u64 n
    PY_T_REF,      // u64: an object that Go holds a reference to; from Go only
    PY_T_OBJECT,   // u64: an object, the reference handed over; its type's name; to Go only
    PY_T_FUNC,     // u64: struct py_func; from Go only
    PY_T_GO,       // u64: struct py_go; to Go with a hold on it; from Go: u64: its class, or 0
    PY_T_BUFFER,   // u64: a struct py_export that Go keeps until it is read; from Go only
    PY_T_STRUCT,   // u8 number of a layout; with the next number that layout: u8 n, n times u8 and
                   // a name. n values, or PY_T_MISSING: a dict; from Go only
};
// What PY_T_SPECIAL stands for, and the plain value behind it: see values.py.
enum {
    PY_V_PLAIN,    // that value itself
    PY_V_TIME,     // (us since 1970, s east of UTC, name of the zone or "")
    PY_V_DELTA,    // us
    PY_V_RATIO,    // (numerator, denominator)
    PY_V_UUID,     // 16 bytes
    PY_V_DECIMAL,  // its text
    PY_V_INSTANCE, // (class, its fields); from Go only
    PY_V_MADE,     // (name in callbacks.py's MAKERS, arguments...); from Go only
};
#define PY_MAX_DEPTH 1000
#define PY_KEYS 64
#define PY_LAYOUTS 32
struct py_reader {
    const uint8_t *p, *end;
    struct py_interp *in;
    int trusted; // PY_T_REF is taken at its word
    struct py_key {
        PyObject *key;
        const uint8_t *text;
        size_t len;
    } * keys;                   // PY_KEYS of them, or NULL
    struct py_layouts *layouts; // or NULL
};
PyObject *py_decode(struct py_reader *, int depth); // new reference, or NULL and error
PyObject *py_decode_all(struct py_interp *, const uint8_t *, size_t); // one value, and no more
PyObject *py_decode_str(struct py_reader *, uint64_t n);
int py_malformed(void); // -1 and error
// keys.c
struct py_layout {
    size_t n;
    PyObject **names;
};
PyObject *py_decode_key(struct py_reader *, int depth); // new reference, or NULL and error
struct py_layout *py_read_layout(struct py_reader *);   // NULL and error
int py_reader_begin(struct py_reader *);
void py_reader_end(struct py_reader *, int begun);
int py_encode(struct py_interp *, struct py_frame *, PyObject *); // 0, or -1 and error
void py_free_out(uint64_t out);
int py_encode_text(struct py_frame *, const char *);
int py_read_u64(struct py_reader *, uint64_t *); // 0, or -1 and error
int py_too_deep(void);                           // -1 and error

// A blob too large to be copied twice: Go copies it out of the object, still inside, and gives the
// object back.
struct py_far {
    uint64_t obj, data, len;
};
#define PY_FAR_MIN (64 << 10)

// shape.c: what Go's target is made of, so that objects which have no form of their own, or more
// than one, are turned into what is wanted. It belongs to one interpreter and lives as long.
enum {
    PY_S_ANY,
    PY_S_INTS,   // a sequence of ints
    PY_S_FLOATS, // of floats
    PY_S_TEXT,   // text: paths and the like too
    PY_S_RATIO,  // a fraction
    PY_S_UUID,   // 16 bytes, maybe a UUID
    PY_S_DECIMAL,
    PY_S_BYTES,
    PY_S_SEQ,    // of elem
    PY_S_MAP,    // of key and elem
    PY_S_STRUCT, // n fields
    PY_S_OBJECT  // the object itself
};
struct py_shape {
    int32_t kind;
    uint32_t n;
    struct py_shape *key, *elem, **fields;
    char *text;       // the names, each with a NUL
    PyObject **names; // of them; made at first use
    struct py_shape *next;
};
struct py_shape *py_shape_new(struct py_interp *, int kind, uint32_t n, const char *names,
                              size_t len);
void py_shape_field(struct py_shape *, uint32_t i, struct py_shape *);
PyObject **py_shape_names(struct py_shape *); // NULL and error
void py_shapes_drop(struct py_interp *);
void py_class_shape(struct py_interp *, uint64_t number, struct py_shape *);

// What an object is that is no plain value; asked of values.py once a class.
enum {
    PY_K_OBJECT,
    PY_K_COMPLEX,
    PY_K_SET,
    PY_K_ITEM,   // a scalar of numpy, a member of an enumeration: stands for another value
    PY_K_TIME,   // datetime, date, time, timedelta
    PY_K_TEXT,   // Decimal, Fraction, UUID, PathLike: a value only where one is wanted
    PY_K_BUFFER, // an array: the same
    PY_K_CLASSES // and up: registered classes
};
int py_kind(struct py_interp *, PyObject *type); // -1 and error
void py_forget_kinds(struct py_interp *);

#endif
