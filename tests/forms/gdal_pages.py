"""Prints what GDAL reads of images, for the Python that Debian's GDAL is built for.

For each path that it is given: the number of pages, then for each page its width, height, number of bands and type in
one line, and the bytes of each band in native byte order.
"""

import sys

from osgeo import gdal

gdal.UseExceptions()
output = sys.stdout.buffer
for path in sys.argv[1:]:
    whole = gdal.Open(path)
    pages = len(whole.GetSubDatasets()) or 1
    output.write(b"%d\n" % pages)
    for number in range(1, pages + 1):
        page = gdal.Open(f"GTIFF_DIR:{number}:{path}")
        kind = gdal.GetDataTypeName(page.GetRasterBand(1).DataType)
        output.write(b"%d %d %d %s\n" % (page.RasterXSize, page.RasterYSize, page.RasterCount, kind.encode()))
        for band in range(1, page.RasterCount + 1):
            output.write(page.GetRasterBand(band).ReadRaster())
