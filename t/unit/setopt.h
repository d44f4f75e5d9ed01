/* A curl_easy_setopt() of a test's own, in front of libcurl's. The test defines _GNU_SOURCE before
   its first header, and refuse(). */
#ifndef SETOPT_H
#define SETOPT_H

#include <dlfcn.h>
#include <stdarg.h>

#include <curl/curl.h>

#undef curl_easy_setopt

/* @return CURLE_OK: libcurl is asked; else this is the answer */
static CURLcode refuse(CURLoption option);

typedef CURLcode setopt_t(CURL *, CURLoption, ...);

CURLcode curl_easy_setopt(CURL *curl, CURLoption option, ...)
{
    setopt_t *setopt = (setopt_t *)dlsym(RTLD_NEXT, "curl_easy_setopt");
    CURLcode refused = refuse(option);
    va_list list;
    void *value;

    va_start(list, option);
    value = va_arg(list, void *); /* or a number of the same size */
    va_end(list);
    return refused ? refused : setopt(curl, option, value);
}

#endif
