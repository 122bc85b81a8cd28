/* Simulates a failing disk for the processes into which this library is loaded with LD_PRELOAD.
 *
 * The variable FAULTS has the path of a folder with
 *
 *   live/      the watched files, without subfolders, which programs use
 *   objects/   the contents of each file after a power loss: those at its last fsync
 *   names/     the names of the files after a power loss: those at the last fsync of the folder, as links to objects
 *   control    numbers that the tests can write at any time: see struct control
 *   lock       is held while objects and names change
 *
 * The library replaces only the functions that SQLite and Rust's standard library call. Each makes the system call
 * itself, so that no symbol of the C library has to be looked up. The shared memory of SQLite (-shm) is not part of
 * the disk, since the first process that opens the database creates it anew.
 */

#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

/* harness/disk.rs writes these fields by their index. */
struct control {
  _Atomic uint64_t mirror;        /* 1: maintain objects and names, and do not synchronise the real disk */
  _Atomic uint64_t ignore_sync;   /* 1: ignore fsync of the write-ahead log, and report success */
  _Atomic uint64_t countdown;     /* the process that decrements this to 0 is killed at once; 0: off */
  _Atomic uint64_t power_loss;    /* 1: the kill is a power loss for all processes */
  _Atomic uint64_t power_lost;    /* 1: the power is lost */
  _Atomic uint64_t write_error;   /* writes fail with this error number; 0: off */
  _Atomic uint64_t sync_error;    /* fsync fails with this error number; 0: off */
  _Atomic uint64_t succeed_first; /* the number of calls that succeed before they fail */
  _Atomic uint64_t crash_points;  /* the number of crash points so far */
  _Atomic uint64_t failed;        /* the number of calls that have failed so far */
};

static struct control *control;
static char root[PATH_MAX - NAME_MAX - 64];
static struct stat live;

static int at(char *path, const char *folder, const char *name) {
  return snprintf(path, PATH_MAX, "%s/%s/%s", root, folder, name) < PATH_MAX ? 0 : -1;
}

static int raw_open(const char *path, int flags, mode_t mode) {
  return (int)syscall(SYS_openat, AT_FDCWD, path, flags | O_CLOEXEC, mode);
}

__attribute__((constructor)) static void begin(void) {
  /* The process is killed when its parent exits. */
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  const char *folder = getenv("FAULTS");
  if (!folder || strlen(folder) >= sizeof root) return;
  strcpy(root, folder);
  char path[PATH_MAX];
  at(path, "live", ".");
  if (stat(path, &live)) return;
  at(path, ".", "control");
  int fd = raw_open(path, O_RDWR, 0);
  if (fd < 0) return;
  void *mapped = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (mapped != MAP_FAILED) control = mapped;
  syscall(SYS_close, fd);
}

/* ---- watched files ---- */

static int is_live(const struct stat *folder) {
  return folder->st_dev == live.st_dev && folder->st_ino == live.st_ino;
}

/* Returns the file name if the path is in the live folder, else NULL. */
static const char *watched_path(const char *path) {
  if (!control || !path) return NULL;
  char folder[PATH_MAX];
  const char *slash = strrchr(path, '/');
  size_t length = slash ? (size_t)(slash - path) : 0;
  if (length >= sizeof folder) return NULL;
  memcpy(folder, path, length);
  strcpy(folder + length, slash ? (length ? "" : "/") : ".");
  int before = errno;
  struct stat found;
  int inside = !stat(folder, &found) && is_live(&found);
  errno = before;
  if (!inside) return NULL;
  return slash ? slash + 1 : path;
}

/* Returns whether the descriptor belongs to a file in the live folder. */
static int watched(int fd, struct stat *found) {
  if (!control) return 0;
  int before = errno;
  int inside = 0;
  if (!fstat(fd, found) && S_ISREG(found->st_mode) && found->st_dev == live.st_dev) {
    char link[64], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length > 0) {
      path[length] = 0;
      inside = watched_path(path) != NULL;
    }
  }
  errno = before;
  return inside;
}

static int is_shared_memory(const char *name) {
  size_t length = strlen(name);
  return length > 4 && !strcmp(name + length - 4, "-shm");
}

static int is_log(int fd) {
  char link[64], path[PATH_MAX];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, sizeof path - 1);
  return length > 4 && !memcmp(path + length - 4, "-wal", 4);
}

/* ---- crash points and errors ---- */

static void die(void) {
  for (;;) syscall(SYS_kill, syscall(SYS_getpid), SIGKILL);
}

static int must_crash(void) {
  if (atomic_load(&control->power_lost)) die();
  atomic_fetch_add(&control->crash_points, 1);
  uint64_t left = atomic_load(&control->countdown);
  do {
    if (!left) return 0;
  } while (!atomic_compare_exchange_weak(&control->countdown, &left, left - 1));
  if (left != 1) return 0;
  if (atomic_load(&control->power_loss)) atomic_store(&control->power_lost, 1);
  return 1;
}

/* A crash point, before and after each call. */
static void crash_point(void) {
  if (must_crash()) die();
}

static int fails(_Atomic uint64_t *error) {
  uint64_t chosen = atomic_load(error);
  if (!chosen) return 0;
  uint64_t left = atomic_load(&control->succeed_first);
  while (left) {
    if (atomic_compare_exchange_weak(&control->succeed_first, &left, left - 1)) return 0;
  }
  atomic_fetch_add(&control->failed, 1);
  errno = (int)chosen;
  return 1;
}

/* ---- the state after a power loss ---- */

/* Inode numbers are reused; the birth time distinguishes the files. */
static int object_of(char *path, int folder, const char *name) {
  struct statx found;
  if (statx(folder, name, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW, STATX_INO | STATX_BTIME, &found)) return -1;
  char key[96];
  snprintf(key, sizeof key, "%llu-%lld-%u", (unsigned long long)found.stx_ino,
           (long long)found.stx_btime.tv_sec, found.stx_btime.tv_nsec);
  return at(path, "objects", key);
}

static int lock(void) {
  char path[PATH_MAX];
  at(path, ".", "lock");
  int fd = raw_open(path, O_RDWR | O_CREAT, 0600);
  if (fd >= 0) while (flock(fd, LOCK_EX) && errno == EINTR) continue;
  /* The power may have been lost in the meantime. */
  if (atomic_load(&control->power_lost)) die();
  return fd;
}

static void unlock(int fd) { syscall(SYS_close, fd); }

/* Copies the contents of the file to its object. The object is updated in place, so that a crash in between leaves
 * each block in its old or its new state, and never loses a block of an earlier fsync. */
static int sync_contents(int fd) {
  enum { BLOCK = 65536 };
  char path[PATH_MAX], link[64];
  static _Thread_local char now[BLOCK], then[BLOCK];
  if (object_of(path, fd, "")) return -1;
  int object = raw_open(path, O_RDWR | O_CREAT, 0600);
  /* The file may have been opened only for writing. */
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  int file = raw_open(link, O_RDONLY, 0);
  off_t place = 0;
  int result = object < 0 || file < 0 ? -1 : 0;
  while (!result) {
    ssize_t length = pread(file, now, BLOCK, place);
    if (length < 0) result = -1;
    if (length <= 0) break;
    ssize_t kept = pread(object, then, BLOCK, place);
    if (kept != length || memcmp(now, then, (size_t)length)) {
      if (syscall(SYS_pwrite64, object, now, length, place) != length) result = -1;
    }
    place += length;
  }
  if (!result && syscall(SYS_ftruncate, object, place)) result = -1;
  if (object >= 0) syscall(SYS_close, object);
  if (file >= 0) syscall(SYS_close, file);
  return result;
}

static void empty(const char *path) {
  DIR *folder = opendir(path);
  if (!folder) return;
  for (struct dirent *entry; (entry = readdir(folder));) {
    if (entry->d_name[0] != '.') syscall(SYS_unlinkat, dirfd(folder), entry->d_name, 0);
  }
  closedir(folder);
}

/* Replaces the names atomically by the current ones of the folder. A file without an fsync is empty. */
static int sync_names(void) {
  char from[PATH_MAX], names[PATH_MAX], next[PATH_MAX], path[PATH_MAX], object[PATH_MAX];
  at(from, "live", "");
  at(names, "names", "");
  at(next, "names.next", "");
  syscall(SYS_mkdirat, AT_FDCWD, next, 0700);
  empty(next);
  DIR *folder = opendir(from);
  if (!folder) return -1;
  int result = 0;
  for (struct dirent *entry; (entry = readdir(folder));) {
    const char *name = entry->d_name;
    if (name[0] == '.' || is_shared_memory(name)) continue;
    /* Another process may have removed the file. */
    if (object_of(object, dirfd(folder), name)) continue;
    int fd = raw_open(object, O_RDWR | O_CREAT, 0600);
    if (fd < 0) result = -1;
    else syscall(SYS_close, fd);
    at(path, "names.next", name);
    if (syscall(SYS_linkat, AT_FDCWD, object, AT_FDCWD, path, 0)) result = -1;
  }
  closedir(folder);
  if (syscall(SYS_renameat2, AT_FDCWD, next, AT_FDCWD, names, 2 /* RENAME_EXCHANGE */)) result = -1;
  empty(next);
  return result;
}

/* ---- the replaced functions ---- */

static int synchronise(int fd, long number) {
  struct stat found;
  if (!control || fstat(fd, &found)) return (int)syscall(number, fd);
  int folder = S_ISDIR(found.st_mode) && is_live(&found);
  if (!folder && !watched(fd, &found)) return (int)syscall(number, fd);
  crash_point();
  if (fails(&control->sync_error)) return -1;
  int result = 0;
  if (atomic_load(&control->ignore_sync) && !folder && is_log(fd)) {
    /* Ignored. */
  } else if (!atomic_load(&control->mirror)) {
    result = (int)syscall(number, fd);
  } else {
    int held = lock();
    /* A file without a name does not survive a power loss, and its inode number may be reused. */
    if (folder) result = sync_names();
    else if (!fstat(fd, &found) && found.st_nlink) result = sync_contents(fd);
    unlock(held);
  }
  crash_point();
  return result;
}

int fsync(int fd) { return synchronise(fd, SYS_fsync); }
int fdatasync(int fd) { return synchronise(fd, SYS_fdatasync); }

static ssize_t write_at(int fd, const void *bytes, size_t count, off64_t place) {
  struct stat found;
  if (!watched(fd, &found)) return syscall(SYS_pwrite64, fd, bytes, count, place);
  if (must_crash()) {
    /* Writes a part of the blocks. */
    syscall(SYS_pwrite64, fd, bytes, count / 1024 * 512, place);
    die();
  }
  if (fails(&control->write_error)) return -1;
  ssize_t written = syscall(SYS_pwrite64, fd, bytes, count, place);
  crash_point();
  return written;
}

ssize_t pwrite(int fd, const void *bytes, size_t count, off_t place) { return write_at(fd, bytes, count, place); }
ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t place) { return write_at(fd, bytes, count, place); }

ssize_t write(int fd, const void *bytes, size_t count) {
  struct stat found;
  if (!watched(fd, &found)) return syscall(SYS_write, fd, bytes, count);
  if (must_crash()) {
    syscall(SYS_write, fd, bytes, count / 2);
    die();
  }
  if (fails(&control->write_error)) return -1;
  ssize_t written = syscall(SYS_write, fd, bytes, count);
  crash_point();
  return written;
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
  struct stat found;
  if (!watched(fd, &found)) return syscall(SYS_writev, fd, parts, count);
  crash_point();
  if (fails(&control->write_error)) return -1;
  ssize_t written = syscall(SYS_writev, fd, parts, count);
  crash_point();
  return written;
}

static int truncate_to(int fd, off64_t length) {
  struct stat found;
  if (!watched(fd, &found)) return (int)syscall(SYS_ftruncate, fd, length);
  crash_point();
  /* Only growing a file can fail for lack of space. */
  if (length > found.st_size && fails(&control->write_error)) return -1;
  int result = (int)syscall(SYS_ftruncate, fd, length);
  crash_point();
  return result;
}

int ftruncate(int fd, off_t length) { return truncate_to(fd, length); }
int ftruncate64(int fd, off64_t length) { return truncate_to(fd, length); }

static int open_at(int folder, const char *path, int flags, mode_t mode) {
  int new = (flags & O_CREAT) && (folder == AT_FDCWD || path[0] == '/') && watched_path(path) &&
            syscall(SYS_faccessat, folder, path, F_OK);
  if (!new) return (int)syscall(SYS_openat, folder, path, flags, mode);
  crash_point();
  if (fails(&control->write_error)) return -1;
  int fd = (int)syscall(SYS_openat, folder, path, flags, mode);
  int before = errno;
  crash_point();
  errno = before;
  return fd;
}

#define MODE(flags, mode)                     \
  mode_t mode = 0;                            \
  if ((flags) & (O_CREAT | __O_TMPFILE)) {    \
    va_list rest;                             \
    va_start(rest, flags);                    \
    mode = va_arg(rest, mode_t);              \
    va_end(rest);                             \
  }

int open(const char *path, int flags, ...) {
  MODE(flags, mode)
  return open_at(AT_FDCWD, path, flags, mode);
}

int open64(const char *path, int flags, ...) {
  MODE(flags, mode)
  return open_at(AT_FDCWD, path, flags, mode);
}

int openat(int folder, const char *path, int flags, ...) {
  MODE(flags, mode)
  return open_at(folder, path, flags, mode);
}

int openat64(int folder, const char *path, int flags, ...) {
  MODE(flags, mode)
  return open_at(folder, path, flags, mode);
}

/* Removes or replaces a name. The object is removed with the last name of its file, since the inode number may be
 * reused at once; links in names/ remain. The object is removed last, so that a crash in between does not lose the
 * object of an existing file. */
static long remove_name(const char *gone, long number, const char *from, const char *to) {
  char object[PATH_MAX];
  struct stat found;
  int held = -1, has = 0;
  if (atomic_load(&control->mirror)) {
    held = lock();
    has = !lstat(gone, &found) && found.st_nlink == 1 && !object_of(object, AT_FDCWD, gone);
  }
  long result = number == SYS_unlinkat ? syscall(number, AT_FDCWD, from, 0)
                                       : syscall(number, AT_FDCWD, from, AT_FDCWD, to, 0);
  int before = errno;
  if (!result && has) syscall(SYS_unlinkat, AT_FDCWD, object, 0);
  if (held >= 0) unlock(held);
  errno = before;
  return result;
}

int unlink(const char *path) {
  if (!watched_path(path)) return (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0);
  crash_point();
  int result = (int)remove_name(path, SYS_unlinkat, path, NULL);
  int before = errno;
  crash_point();
  errno = before;
  return result;
}

int rename(const char *from, const char *to) {
  if (!watched_path(to)) return (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
  crash_point();
  int result = (int)remove_name(to, SYS_renameat2, from, to);
  int before = errno;
  crash_point();
  errno = before;
  return result;
}
