@echo off
rem Does on Windows what "make run" does elsewhere: sets up, draws the demo
rem collection if there are no images, indexes and serves.
setlocal
cd /d "%~dp0"
if not defined PYTHON set "PYTHON=py -3"
where py >nul 2>nul || if "%PYTHON%"=="py -3" set "PYTHON=python"

if exist ".venv\.ready" goto ready
%PYTHON% -c "import sys; sys.exit(not (3, 10) <= sys.version_info < (3, 14))" || goto nopython
%PYTHON% -m venv .venv || goto failed
echo Installing what is needed: several GB, which takes minutes.
.venv\Scripts\python -m pip install --disable-pip-version-check -r requirments.txt || goto failed
.venv\Scripts\python -m pip install --disable-pip-version-check --no-deps --editable . || goto failed
type nul > ".venv\.ready"

:ready
if not defined IMAGE_SEARCH_IMAGES set "IMAGE_SEARCH_IMAGES=static\images"
.venv\Scripts\python -m image_search serve --check-port || goto failed
.venv\Scripts\python -m image_search.demo "%IMAGE_SEARCH_IMAGES%" static\examples --if-empty || goto failed
.venv\Scripts\python -m image_search index --only-search || goto failed
.venv\Scripts\python -m image_search serve
exit /b %errorlevel%

:nopython
echo Python 3.10 to 3.13 is needed. Install it, or name it: set PYTHON=C:\path\to\python.exe
exit /b 1

:failed
echo Something went wrong; the lines above say what.
exit /b 1
