// The wasm guest: QuickJS and the two doors of its sandbox. The host calls `boot` once, takes a picture of the memory,
// and starts each sandbox from that picture with `run` and `deliver`. The guest can call nothing but `post`, `answer`
// and `exhausted`.
//
// quickjs.c is included and not linked, because two things need its insides: the stack limit, which it switches off on
// WASI, and the number of an allocation that failed.
#include "quickjs.c"

#define IMPORT(name) __attribute__((import_module("host"), import_name(name)))
#define EXPORT(name) __attribute__((export_name(name)))

// Passes a message on. Returns the length of the answer, or -1 where there is none.
IMPORT("post") extern int32_t host_post(const char *text, size_t len);
// Writes the answer of the last `post` to `to`.
IMPORT("answer") extern void host_answer(char *to);
// The heap is full. Does not return.
IMPORT("exhausted") extern _Noreturn void host_exhausted(void);

static JSRuntime *rt;
static JSContext *ctx;
static JSValue bridge;

// What was thrown past the prelude, for the host to read.
typedef struct { const char *text; size_t len; } Text;
static struct { Text name, message, stack; } thrown;

enum { FINE = 0, THREW = 1 };

#define GC_AFTER (512 * 1024)

// ---- memory -------------------------------------------------------------------------------------------------------
// The host ends the program when the memory may not grow. What is left are requests that no wasm memory could hold;
// QuickJS would make an exception of them, which the program could catch.

static void *full_or(void *at, size_t size) {
    if (!at && size) host_exhausted();
    return at;
}
static void *guest_calloc(void *opaque, size_t count, size_t size) { return full_or(calloc(count, size), size && count); }
static void *guest_malloc(void *opaque, size_t size) { return full_or(malloc(size), size); }
static void *guest_realloc(void *opaque, void *at, size_t size) { return full_or(realloc(at, size), size); }
static void guest_free(void *opaque, void *at) { free(at); }
static const JSMallocFunctions memory = {
    guest_calloc, guest_malloc, guest_free, guest_realloc, js__malloc_usable_size
};

// ---- post ---------------------------------------------------------------------------------------------------------

static JSValue js_post(JSContext *c, JSValueConst this, int argc, JSValueConst *argv) {
    size_t len;
    const char *text = JS_ToCStringLen(c, &len, argv[0]);
    if (!text) return JS_EXCEPTION;
    int32_t size = host_post(text, len);
    JS_FreeCString(c, text);
    if (size < 0) return JS_UNDEFINED;
    char *answer = guest_malloc(NULL, (size_t)size + 1);
    host_answer(answer);
    JSValue value = JS_NewStringLen(c, answer, size);
    free(answer);
    return value;
}

// ---- the two doors ------------------------------------------------------------------------------------------------

static Text text_of(JSValue value) {   // consumes value; the text lives as long as the sandbox
    Text text = { NULL, 0 };
    if (JS_IsString(value)) text.text = JS_ToCStringLen(ctx, &text.len, value);
    JS_FreeValue(ctx, value);
    return text;
}
static int threw(void) {
    JSValue error = JS_GetException(ctx);
    if (JS_IsObject(error)) {
        thrown.name = text_of(JS_GetPropertyStr(ctx, error, "name"));
        thrown.message = text_of(JS_GetPropertyStr(ctx, error, "message"));
        thrown.stack = text_of(JS_GetPropertyStr(ctx, error, "stack"));
        JS_FreeValue(ctx, error);
    } else {
        thrown.message = text_of(error);
    }
    // A getter of the error's may have thrown in turn.
    JS_FreeValue(ctx, JS_GetException(ctx));
    return THREW;
}

// Calls the bridge, then runs every job. Consumes the message.
static int enter(JSValue message) {
    if (JS_IsException(message)) return threw();
    JSValue result = JS_Call(ctx, bridge, JS_UNDEFINED, 1, &message);
    JS_FreeValue(ctx, message);
    if (JS_IsException(result)) return threw();
    JS_FreeValue(ctx, result);
    for (JSContext *job;;) {
        int ran = JS_ExecutePendingJob(rt, &job);
        if (ran < 0) return threw();
        if (ran == 0) return FINE;
    }
}

// The host puts a text into memory of this size, which the next call takes over.
EXPORT("alloc") char *guest_text(size_t size) { return guest_malloc(NULL, size); }

// The address of `thrown`, after a call returned THREW.
EXPORT("thrown") const void *guest_thrown(void) { return &thrown; }

// Evaluates the program and gives its value to the bridge. `name` and `source` end with a NUL, which `len` leaves out.
// `--stack-first` puts the stack at the bottom of memory, growing down; `stack_end` is how far it may for the program.
EXPORT("run") int guest_run(char *name, char *source, size_t len, uintptr_t stack_end) {
    rt->stack_limit = stack_end;
    JSValue program = JS_Eval(ctx, source, len, name, JS_EVAL_TYPE_GLOBAL | JS_EVAL_FLAG_STRICT);
    free(name);
    free(source);
    return enter(program);
}

EXPORT("deliver") int guest_deliver(char *text, size_t len) {
    JSValue message = JS_NewStringLen(ctx, text, len);
    free(text);
    return enter(message);
}

// ---- start --------------------------------------------------------------------------------------------------------

// Sets QuickJS up with the intrinsics that driver-quickjs has, and evaluates the prelude. The imports cannot be called.
EXPORT("boot") int guest_boot(const char *name, char *prelude, size_t len) {
    rt = JS_NewRuntime2(&memory, NULL);
    ctx = JS_NewContextRaw(rt);
    JS_AddIntrinsicBaseObjects(ctx);
    JS_AddIntrinsicDate(ctx);
    JS_AddIntrinsicEval(ctx);
    JS_AddIntrinsicRegExpCompiler(ctx);
    JS_AddIntrinsicRegExp(ctx);
    JS_AddIntrinsicJSON(ctx);
    JS_AddIntrinsicProxy(ctx);
    JS_AddIntrinsicMapSet(ctx);
    JS_AddIntrinsicTypedArrays(ctx);
    JS_AddIntrinsicPromise(ctx);
    JS_AddIntrinsicWeakRef(ctx);
    JSValue make = JS_Eval(ctx, prelude, len, name, JS_EVAL_TYPE_GLOBAL);
    if (JS_IsException(make)) return threw();
    JSValue post = JS_NewCFunction(ctx, js_post, "post", 1);
    bridge = JS_Call(ctx, make, JS_UNDEFINED, 1, &post);
    JS_FreeValue(ctx, post);
    JS_FreeValue(ctx, make);
    free(prelude);
    if (JS_IsException(bridge)) return threw();
    JS_RunGC(rt);
    // The collector writes to every object, so each sandbox in which it runs has a copy of all that was booted. It must
    // not run before the program has made some garbage itself.
    JS_SetGCThreshold(rt, rt->malloc_state.malloc_size + GC_AFTER);
    return FINE;
}

// ---- what QuickJS wants of an operating system --------------------------------------------------------------------
// No clock: the prelude has its own. No time zone: it is UTC. No streams: QuickJS writes to them only to dump its state.
// These stand in for the ones in libc.a, so that no WASI import is left.

int gettimeofday(struct timeval *restrict time, void *restrict zone) {
    time->tv_sec = time->tv_usec = 0;
    return 0;
}
int clock_gettime(clockid_t clock, struct timespec *time) {
    time->tv_sec = time->tv_nsec = 0;
    return 0;
}
struct tm *localtime_r(const time_t *restrict time, struct tm *restrict parts) {
    memset(parts, 0, sizeof *parts);
    return parts;
}
size_t __stdio_write(FILE *f, const unsigned char *bytes, size_t size) { return size; }
size_t __stdout_write(FILE *f, const unsigned char *bytes, size_t size) { return size; }
off_t __stdio_seek(FILE *f, off_t offset, int whence) { return -1; }
int __stdio_close(FILE *f) { return 0; }
int __isatty(int fd) { return 0; }
