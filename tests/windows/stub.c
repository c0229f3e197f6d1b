/* bcryptprimitives.dll for the tests under Wine 8, which has none: Rust's standard library takes its random numbers from
 * it. Every Windows program of Rust loads it before it starts, so that it corrects one thing more, in DllMain. */
#define SECURITY_WIN32
#include <windows.h>
#include <security.h>

BOOLEAN NTAPI SystemFunction036(PVOID, ULONG);

__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE bytes, SIZE_T length) {
  while (length) {
    ULONG part = length > 0x10000000 ? 0x10000000 : (ULONG)length;
    if (!SystemFunction036(bytes, part)) return FALSE;
    bytes += part;
    length -= part;
  }
  return TRUE;
}

/* Where a TLS record is not complete, Wine says in the first buffer how many bytes are missing, and in the second, where
 * the schannel library looks, how long the record is in all: that waits for bytes that never come. */
static SECURITY_STATUS WINAPI decrypt(PCtxtHandle context, PSecBufferDesc message, ULONG number, PULONG quality) {
  SECURITY_STATUS status = DecryptMessage(context, message, number, quality);
  if (status == SEC_E_INCOMPLETE_MESSAGE && message->cBuffers > 1)
    message->pBuffers[1].cbBuffer = message->pBuffers[0].cbBuffer;
  return status;
}

/* The program's own import of DecryptMessage leads to the function above. */
BOOL WINAPI DllMain(HINSTANCE self, DWORD reason, LPVOID reserved) {
  if (reason != DLL_PROCESS_ATTACH) return TRUE;
  BYTE *base = (BYTE *)GetModuleHandleW(NULL);
  IMAGE_NT_HEADERS *head = (IMAGE_NT_HEADERS *)(base + ((IMAGE_DOS_HEADER *)base)->e_lfanew);
  DWORD imports = head->OptionalHeader.DataDirectory[IMAGE_DIRECTORY_ENTRY_IMPORT].VirtualAddress;
  void *original = (void *)GetProcAddress(GetModuleHandleA("secur32.dll"), "DecryptMessage");
  IMAGE_IMPORT_DESCRIPTOR *library = (IMAGE_IMPORT_DESCRIPTOR *)(base + imports);
  for (; imports && library->Name; library++) {
    for (void **entry = (void **)(base + library->FirstThunk); *entry; entry++) {
      DWORD before;
      if (*entry != original) continue;
      VirtualProtect(entry, sizeof *entry, PAGE_READWRITE, &before);
      *entry = (void *)decrypt;
      VirtualProtect(entry, sizeof *entry, before, &before);
    }
  }
  return TRUE;
}
